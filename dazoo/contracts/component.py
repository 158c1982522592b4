"""What methods and GAN bridges have in common: groups of parameters that learn, phases that train them, changes to the source batch."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from typing import ClassVar

from torch import nn

from dazoo.contracts.backbone import Backbone
from dazoo.contracts.optimizers import OptimizerSettings
from dazoo.contracts.step import Labelled
from dazoo.contracts.step import Phase
from dazoo.contracts.step import Step


BODY, HEAD = "backbone.body", "backbone.head"
BACKBONE = (BODY, HEAD)
"""Names of the two parameter groups that every recipe has: the backbone's body, and its head."""

Group = nn.Module | Sequence[nn.Parameter]
"""A module, whose state checkpoints keep, or a list of parameters that some module holds."""


@dataclass(frozen=True)
class Problem:
    """What a component may know about the task before training.

    Attributes:
        backbone: the network that will learn.
        num_classes: K.
        channels: image channels.
        size: side of the square training images, pixels.
        source_counts: training images of each class, source side.
        target_count: number of target images.
        label_smoothing: of the task's cross-entropy, a run setting.
    """

    backbone: Backbone
    num_classes: int
    channels: int
    size: int
    source_counts: tuple[int, ...]
    target_count: int
    label_smoothing: float = 0.0


class Component:
    """Base of `Method` and `Bridge`. Construction takes the `Problem`, then its own arguments as keywords.

    What it remembers from step to step belongs into buffers of the modules in `groups`: there it survives a resume, and is the same in all
    processes that train one model together.
    """

    defaults: ClassVar[Mapping[str, Any]] = {}
    """Run settings that this component wants unless the user says otherwise, such as {"ema": 0.99}."""

    def groups(self) -> Mapping[str, Group]:
        """Named modules (saved in checkpoints) or lists of parameters that phases may train."""
        return {}

    def phases(self) -> Sequence[Phase]:
        """The optimiser updates of one step, in order."""
        return ()

    def extend(self, step: Step) -> Labelled:
        """The source batch that task losses see; a bridge may add translated or synthetic images. Runs without gradient."""
        return step.source

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        """Optimiser settings for groups by name, over the run's own: {"critic": {"optimizer": "adam", "lr": 2e-4}}."""
        return {}

    def after_step(self, step: Step) -> None:
        """Called after the last phase of a step, once for each micro-batch, without gradient (running statistics, random restores).

        Its random draws are the same in all processes that train one model together.
        """
