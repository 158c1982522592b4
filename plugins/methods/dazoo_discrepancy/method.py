"""Two classifiers on one body: where they disagree, the target lies outside the source."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import BODY
from dazoo.contracts import BOTH
from dazoo.contracts import TARGET
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.losses.discrepancy import classifier_discrepancy
from dazoo.losses.entropy import uniform_cross_entropy


class MCD(Method):
    """Maximum classifier discrepancy. Saito et al., CVPR 2018.

    Three phases a step: both classifiers and the body learn the source; the classifiers learn to disagree on the target
    while they keep the source; the body learns, several times, to make them agree. The two classifiers answer together, by the
    mean of their logits, as in the paper's evaluation; the backbone's own head takes no part.

    Args:
        repeat: updates of the body in the third phase (num_k in the paper's code, 4 for digits).
        weight: weight of the discrepancy.
        balance: weight, in the first phase, of the cross-entropy between uniform shares and the mean target prediction
            (Transfer-Learning-Library has .03 on digits).
    """

    heads = ("classifiers",)

    def __init__(self, problem: Problem, *, repeat: int = 2, weight: float = 1.0, balance: float = 0.03) -> None:
        super().__init__(problem)
        self.repeat, self.weight, self.balance = repeat, weight, balance
        features, classes = problem.backbone.num_features, problem.num_classes
        self.classifiers = nn.ModuleDict({name: _classifier(features, classes) for name in ("first", "second")})

    def groups(self) -> Mapping[str, nn.Module]:
        return {"classifiers": self.classifiers}

    def phases(self) -> list[Phase]:
        return [
            Phase("task", (BODY, "classifiers"), self._learn, reads=BOTH),
            Phase("disagree", ("classifiers",), self._disagree, reads=BOTH),
            Phase("agree", (BODY,), self._agree, reads=TARGET, repeat=self.repeat),
        ]

    def answer(self, features: Tensor) -> Tensor:
        first, second = self._logits(features)
        return (first + second) / 2

    def _logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.classifiers["first"](features).float(), self.classifiers["second"](features).float()

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
        return {**self._source_terms(step, "task"), "balance": self.balance * balance}

    def _gap(self, step: Step) -> Tensor:
        first, second = self._logits(step.target_outputs.features)
        return self.weight * classifier_discrepancy(first.softmax(1), second.softmax(1))

    def _disagree(self, step: Step) -> dict[str, Tensor]:
        return {**self._source_terms(step, "disagree"), "disagree/gap": -self._gap(step)}

    def _agree(self, step: Step) -> dict[str, Tensor]:
        return {"agree/gap": self._gap(step)}


def _classifier(features: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(features, features), nn.ReLU(inplace=True), nn.Linear(features, classes))
