"""The method contract: adaptation of features, of predictions, or of a trained model."""

from __future__ import annotations

from typing import ClassVar

from dazoo.contracts.backbone import Backbone
from dazoo.contracts.component import Component
from dazoo.contracts.component import Problem


class Method(Component):
    """How a backbone is adapted. A subclass gives `phases()`; the phase named "task" trains backbone and head.

    Args:
        problem: the task.

    Attributes:
        starts_from: name of the method that trains the model this one starts from (test-time and source-free methods), or None to start from scratch.
    """

    starts_from: ClassVar[str | None] = None

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def set_mode(self, backbone: Backbone) -> None:
        """Put the backbone into the mode it trains in."""
        backbone.train()
