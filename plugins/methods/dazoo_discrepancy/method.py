"""Two classifiers on one body: where they disagree, the target lies outside the source."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import BODY
from dazoo.contracts import BOTH
from dazoo.contracts import TARGET
from dazoo.contracts import Method
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.losses.discrepancy import classifier_discrepancy
from dazoo.losses.entropy import uniform_cross_entropy


class MCD(Method):
    """Maximum classifier discrepancy. Saito et al., CVPR 2018.

    Three phases per step: both classifiers and the body learn the source; the classifiers learn to disagree on the target
    while they keep the source; the body learns, several times, to make them agree. The two classifiers answer together, by the
    mean of their logits, as in the paper's evaluation; the backbone's own head takes no part.

    Args:
        repeat: updates of the body in the third phase (num_k in the paper's code, 4 for digits).
        weight: weight of the discrepancy.
        hidden: width of the classifiers' two hidden layers.
        balance: weight, in the first phase, of the cross-entropy between uniform shares and the mean target prediction
            (Transfer-Learning-Library has .03 on digits).
    """

    heads = ("classifiers",)
    defaults = {"schedule": "constant", "weight_decay": 5e-4}

    def __init__(self, problem: Problem, *, repeat: int = 4, weight: float = 1.0, balance: float = 0.03, hidden: int = 1024) -> None:
        super().__init__(problem)
        self.repeat, self.weight, self.balance = repeat, weight, balance
        features, classes = problem.backbone.num_features, problem.num_classes
        self.classifiers = nn.ModuleDict({name: _classifier(features, hidden, classes) for name in ("first", "second")})

    def groups(self) -> Mapping[str, nn.Module]:
        return {"classifiers": self.classifiers}

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        """The body learns without momentum, because the game's other side moves between its steps (Transfer-Learning-Library)."""
        return {BODY: {"momentum": 0.0}}

    def phases(self) -> list[Phase]:
        return [
            Phase("task", (BODY, "classifiers"), self._learn, reads=BOTH),
            Phase("disagree", ("classifiers",), self._disagree, reads=BOTH),
            Phase("agree", (BODY,), self._agree, reads=TARGET, repeat=self.repeat),
        ]

    def answer(self, features: Tensor) -> Tensor:
        first, second = self._logits(features.flatten(0, -2))  # (n, K) each, n positions or pictures
        return ((first + second) / 2).unflatten(0, features.shape[:-1])

    def _logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.classifiers["first"](features).float(), self.classifiers["second"](features).float()

    def _learn(self, step: Step) -> dict[str, Tensor]:
        terms, target = self._on_both(step, "task")
        balance = uniform_cross_entropy(target[0]) + uniform_cross_entropy(target[1])
        return {**terms, "balance": self.balance * balance}

    def _disagree(self, step: Step) -> dict[str, Tensor]:
        terms, target = self._on_both(step, "disagree")
        return {**terms, "disagree/gap": -self._gap(*target)}

    def _agree(self, step: Step) -> dict[str, Tensor]:
        return {"agree/gap": self._gap(*self._logits(step.target_outputs.features))}

    def _on_both(self, step: Step, phase: str) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
        """The classifiers' source terms, and their logits on the target; both domains share their batch statistics."""
        y, smoothing = step.source.labels, self.problem.label_smoothing
        first, second = self._logits(torch.cat([step.source_outputs.features, step.target_outputs.features]))
        n = len(y)
        terms = {
            f"{phase}/first": F.cross_entropy(first[:n], y, label_smoothing=smoothing),
            f"{phase}/second": F.cross_entropy(second[:n], y, label_smoothing=smoothing),
        }
        return terms, (first[n:], second[n:])

    def _gap(self, first: Tensor, second: Tensor) -> Tensor:
        return self.weight * classifier_discrepancy(first.softmax(1), second.softmax(1))


def _classifier(features: int, hidden: int, classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Dropout(0.5),
        nn.Linear(features, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Linear(hidden, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, classes),
    )
