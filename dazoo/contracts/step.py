"""What one training step is made of: a batch without target labels, phases, and the backbone's outputs that they share."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeVar

import torch
from torch import Tensor

from dazoo.errors import PluginError


if TYPE_CHECKING:
    from dazoo.contracts.backbone import Backbone

T = TypeVar("T")

SOURCE, TARGET = frozenset({"source"}), frozenset({"target"})
BOTH = SOURCE | TARGET
VIEWS = BOTH | {"strong"}
"""What a phase may read: the source batch, the target batch in its weak view, and the same target pictures in their strong view."""


@dataclass(frozen=True)
class Labelled:
    """Source images (N, C, H, W) in [-1, 1] and their labels (N,) int64."""

    images: Tensor
    labels: Tensor


class Unlabelled:
    """Target images (N, C, H, W) in [-1, 1]. There is no field for a label, so none can reach a loss.

    Args:
        images: the weak view.
        strong: makes the strong view, when it is first asked for.
        again: makes another weak view of the same pictures.
    """

    def __init__(self, images: Tensor, strong: Callable[[], Tensor], again: Callable[[], Tensor] | None = None) -> None:
        self.images = images
        self._strong, self._again = strong, again or (lambda: images)

    @cached_property
    def strong(self) -> Tensor:
        """A second, more strongly augmented view of the same pictures, (N, C, H, W)."""
        return self._strong()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"A target batch has no {name!r}: it is images, strong and view(), and nobody who trains sees a label of it.")

    def view(self) -> Tensor:
        """Another weak view of the same pictures, (N, C, H, W), as many as are asked for (averages over augmentations)."""
        return self._again()


@dataclass(frozen=True)
class Outputs:
    """What a network makes of images, in float32: `features` (N, C) pooled and `logits` (N, K) of the head that answers."""

    features: Tensor
    logits: Tensor


@dataclass(frozen=True)
class Phase:
    """One optimiser update inside a step. Phases of one name are one update: their terms add up, their groups unite.

    Args:
        name: such as "task", "critic", "generator".
        groups: names of the parameter groups that learn; every other parameter is frozen meanwhile.
        loss: from the step to named scalar terms, already weighted; their sum is minimised. No term means no gradient.
        reads: which batches the backbone is run on in one joint forward: "source", "target", "strong".
        every: run in every n-th step only (lazy regularisers).
        repeat: run this many times in a row.
        begin, end: the share of the run in which it runs, from `begin` up to `end`, within [0, 1].

    Raises:
        PluginError: a value that no phase can have; the message says which.
    """

    name: str
    groups: tuple[str, ...]
    loss: Callable[[Step], Mapping[str, Tensor]]
    reads: frozenset[str] = frozenset()
    every: int = 1
    repeat: int = 1
    begin: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        for field in ("groups", "reads"):
            value = getattr(self, field)
            if isinstance(value, str) or not isinstance(value, Iterable):
                raise PluginError(f"Phase {self.name!r}: {field} is {value!r}; expected a tuple or a set of names.")
        object.__setattr__(self, "groups", tuple(self.groups))
        object.__setattr__(self, "reads", frozenset(self.reads))
        if self.reads - VIEWS:
            raise PluginError(f"Phase {self.name!r} reads {sorted(self.reads - VIEWS)}; expected some of {', '.join(sorted(VIEWS))}.")
        if self.every < 1 or self.repeat < 1:
            raise PluginError(f"Phase {self.name!r} has every={self.every} and repeat={self.repeat}; expected 1 or more.")
        if not 0 <= self.begin < self.end <= 1:
            raise PluginError(f"Phase {self.name!r} runs from {self.begin} to {self.end}; expected 0 <= begin < end <= 1.")

    def runs(self, number: int, progress: float) -> bool:
        """Whether it runs in step `number`, at `progress` in [0, 1] of the run."""
        return number % self.every == 0 and self.begin <= progress and (progress < self.end or self.end == 1)


class Step:
    """What a loss receives. The engine makes it.

    Attributes:
        source: labelled source batch (a method that needs no source does not read it).
        target: target batch, without labels.
        progress: the run's clock in [0, 1]; schedules are functions of it and survive a resume.
        number: index of the step, from 0.
        backbone: the network that learns.
        teacher: its exponential moving average in eval mode, or None when the run keeps none; see `opinion`.
        kept: what one phase hands to a later one of the same step and micro-batch. It is empty again in the next step.
    """

    source: Labelled
    target: Unlabelled
    progress: float
    number: int
    backbone: Backbone
    teacher: Backbone | None
    kept: dict[str, Any]

    @property
    def source_outputs(self) -> Outputs:
        """Outputs for `source`; the phase must read "source"."""
        return self.outputs("source")

    @property
    def target_outputs(self) -> Outputs:
        """Outputs for `target.images`; the phase must read "target"."""
        return self.outputs("target")

    @property
    def strong_outputs(self) -> Outputs:
        """Outputs for `target.strong`; the phase must read "strong"."""
        return self.outputs("strong")

    def outputs(self, view: str) -> Outputs:
        """Outputs of the learning network for one of the batches that the phase reads, computed once for each run of a phase.

        Raises:
            PluginError: the phase does not declare that it reads `view`.
        """
        raise NotImplementedError

    def once(self, key: str, make: Callable[[], T]) -> T:
        """`make()`, computed once for each run of a phase, so that merged phases share what they compute."""
        raise NotImplementedError

    def read(self, images: Tensor) -> Outputs:
        """What the run's best network makes of images (N, C, H, W): the teacher where there is one, else the learning network.

        A gradient reaches the images, and in phases that train the learning network its parameters too, where there is no teacher.
        """
        raise NotImplementedError

    def opinion(self, images: Tensor) -> Tensor:
        """Logits (N, K) of `read`, without gradient: labels to learn from."""
        with torch.no_grad():
            return self.read(images).logits
