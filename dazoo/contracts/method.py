"""The method contract: adaptation of features, of predictions, or of a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from dazoo.contracts.backbone import Backbone
from dazoo.contracts.component import BACKBONE
from dazoo.contracts.component import Component
from dazoo.contracts.component import Problem
from dazoo.contracts.step import Phase
from dazoo.contracts.step import Step


class Method(Component):
    """How a backbone is adapted. This class itself learns the source labels alone; a subclass changes `phases()`.

    The phase named "task" trains backbone and head; a bridge adds its terms to it.

    Args:
        problem: the task.

    Attributes:
        adapts_trained: the method adapts a trained model to target pictures alone (source-free, test-time): the engine
            first trains the model on the source, then runs this method without giving it a source batch.
    """

    adapts_trained: ClassVar[bool] = False

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def phases(self) -> Sequence[Phase]:
        """Cross-entropy on the source; the target is not read, so it cannot reach batch statistics either."""
        return [Phase("task", BACKBONE, lambda step: {"task": self.task_loss(step)}, reads=frozenset({"source"}))]

    def task_loss(self, step: Step) -> Tensor:
        """Cross-entropy on the labelled source batch; the phase must read "source"."""
        return F.cross_entropy(step.source_outputs.logits, step.source.labels, label_smoothing=self.problem.label_smoothing)

    def set_mode(self, backbone: Backbone) -> None:
        """Put the backbone into the mode it trains in."""
        backbone.train()
