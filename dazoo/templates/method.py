"""A method: which loss adapts the classifier. Replace the discrepancy by yours."""

from __future__ import annotations

from torch import Tensor

from dazoo.contracts import BACKBONE
from dazoo.contracts import BOTH
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step


class MyThing(Method):
    """Source and target features with equal means.

    Args:
        weight: of the term; `--set method.weight=0.3`.
    """

    def __init__(self, problem: Problem, *, weight: float = 0.1) -> None:
        super().__init__(problem)
        self.weight = weight

    def phases(self) -> list[Phase]:
        return [Phase("task", BACKBONE, self.loss, reads=BOTH)]  # both batches go through the backbone

    def loss(self, step: Step) -> dict[str, Tensor]:
        source, target = step.source_outputs, step.target_outputs  # the batches need not be equally long
        apart = (source.features.mean(0) - target.features.mean(0)).square().sum()
        return {"task": self.task_loss(step), "apart": self.weight * apart}
