"""Adaptation of a trained model to target pictures alone."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

from torch import Tensor
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from dazoo.contracts import TARGET
from dazoo.contracts import Backbone
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.errors import SettingsError
from dazoo.losses.entropy import diversity
from dazoo.losses.entropy import entropy_minimisation


NORMS = (_BatchNorm, nn.LayerNorm, nn.GroupNorm)


class Tent(Method):
    """Fully test-time adaptation by entropy minimisation, online. Wang et al., ICLR 2021.

    Each target batch comes once and is answered by the forward pass that its update is computed from, as in the paper: optimiser and
    batch size are its settings for CIFAR (Adam at 1e-3, 200 pictures).

    Batch normalisation uses the target batch's statistics and its running ones follow; of the parameters only the scale
    and shift of normalisation layers learn. With `diversity` the mean prediction is kept spread out as well
    (information maximisation, Liang et al., ICML 2020), which small target sets need.

    Args:
        diversity: weight of the entropy of the mean prediction; 0 is the paper's TENT.

    Raises:
        SettingsError: the backbone has no normalisation layer with a scale.
    """

    adapts_trained = True
    streams = True
    defaults = {"batch": 200, "lr": 1e-3, "optimizer": "adam", "weight_decay": 0.0, "schedule": "constant", "warmup": 0.0}

    def __init__(self, problem: Problem, *, diversity: float = 0.0) -> None:
        super().__init__(problem)
        self.diversity = diversity
        self.norms = [p for m in problem.backbone.modules() if isinstance(m, NORMS) for p in m.parameters()]
        if not self.norms:
            raise SettingsError(
                f"tent adapts normalisation layers, and {type(problem.backbone).__name__} has none; choose another backbone."
            )

    def groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        return {"norms": self.norms}

    def phases(self) -> list[Phase]:
        return [Phase("adapt", ("norms",), self._loss, reads=TARGET)]

    def set_mode(self, backbone: Backbone) -> None:
        backbone.eval()
        for module in backbone.modules():
            if isinstance(module, _BatchNorm):
                module.train()

    def _loss(self, step: Step) -> dict[str, Tensor]:
        logits = step.target_outputs.logits
        terms = {"entropy": entropy_minimisation(logits)}
        if self.diversity:
            terms["diversity"] = self.diversity * diversity(logits)
        return terms


class TentOffline(Tent):
    """The same updates in five shuffled passes over the target pictures, which are answered after the last one.

    This is not the paper's protocol: its numbers do not compare with published ones for TENT.

    Args:
        diversity: weight of the entropy of the mean prediction; 0 is the paper's loss.
    """

    streams = False
    defaults = {"epochs": 5, "lr": 1e-3, "optimizer": "adam", "weight_decay": 0.0, "schedule": "constant", "warmup": 0.0}
