"""Two classifiers on one body: where they disagree, the target lies outside the source."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.contracts.component import BACKBONE
from dazoo.contracts.component import BODY
from dazoo.losses.discrepancy import classifier_discrepancy
from dazoo.losses.entropy import uniform_cross_entropy


BOTH = frozenset({"source", "target"})


class MCD(Method):
    """Maximum classifier discrepancy. Saito et al., CVPR 2018.

    Three phases a step: both classifiers and the body learn the source; the classifiers learn to disagree on the target
    while they keep the source; the body learns, several times, to make them agree.

    Args:
        repeat: updates of the body in the third phase (num_k in the paper's code, 4 for digits).
        weight: weight of the discrepancy.
        balance: weight, in the first phase, of the cross-entropy between uniform shares and the mean target prediction
            (Transfer-Learning-Library has .03 on digits).
    """

    def __init__(self, problem: Problem, *, repeat: int = 2, weight: float = 1.0, balance: float = 0.03) -> None:
        super().__init__(problem)
        self.repeat, self.weight, self.balance = repeat, weight, balance
        features, classes = problem.backbone.num_features, problem.num_classes
        self.heads = nn.ModuleDict({name: _classifier(features, classes) for name in ("first", "second")})

    def parts(self) -> Mapping[str, nn.Module]:
        return {"classifiers": self.heads}

    def phases(self) -> list[Phase]:
        return [
            Phase("task", (*BACKBONE, "classifiers"), self._learn, reads=BOTH),
            Phase("disagree", ("classifiers",), self._disagree, reads=BOTH),
            Phase("agree", (BODY,), self._agree, reads=frozenset({"target"}), repeat=self.repeat),
        ]

    def _logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.heads["first"](features).float(), self.heads["second"](features).float()

    def _source_terms(self, step: Step, phase: str) -> dict[str, Tensor]:
        first, second = self._logits(step.source_outputs.features)
        y, smoothing = step.source.labels, self.problem.label_smoothing
        return {
            f"{phase}/first": F.cross_entropy(first, y, label_smoothing=smoothing),
            f"{phase}/second": F.cross_entropy(second, y, label_smoothing=smoothing),
        }

    def _learn(self, step: Step) -> dict[str, Tensor]:
        first, second = self._logits(step.target_outputs.features)
        balance = uniform_cross_entropy(first) + uniform_cross_entropy(second)
        return {"task": self.task_loss(step), **self._source_terms(step, "task"), "balance": self.balance * balance}

    def _gap(self, step: Step) -> Tensor:
        first, second = self._logits(step.target_outputs.features)
        return self.weight * classifier_discrepancy(first.softmax(1), second.softmax(1))

    def _disagree(self, step: Step) -> dict[str, Tensor]:
        return {**self._source_terms(step, "disagree"), "disagree/gap": -self._gap(step)}

    def _agree(self, step: Step) -> dict[str, Tensor]:
        return {"agree/gap": self._gap(step)}


def _classifier(features: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, features), nn.ReLU(inplace=True), nn.Linear(features, classes))
