"""What one training step is made of: a batch without target labels, phases, and the forward passes they share."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any

import torch
from torch import Tensor


if TYPE_CHECKING:
    from dazoo.contracts.backbone import Backbone


@dataclass(frozen=True)
class Labelled:
    """Source images (N, C, H, W) in [-1, 1] and their labels (N,) int64."""

    images: Tensor
    labels: Tensor


class Unlabelled:
    """Target images (N, C, H, W) in [-1, 1]. There is no field for a label, so none can reach a loss.

    `strong` is a second, more strongly augmented view of the same pictures, made when first asked for.
    """

    def __init__(self, images: Tensor, strong: Callable[[], Tensor]) -> None:
        self.images = images
        self._strong = strong

    @cached_property
    def strong(self) -> Tensor:
        return self._strong()


@dataclass(frozen=True)
class Outputs:
    """A backbone's answers in float32: `features` (N, C) pooled and `logits` (N, K)."""

    features: Tensor
    logits: Tensor


@dataclass(frozen=True)
class Phase:
    """One optimiser update inside a step. Phases of one name are one update: their terms add up, their parts unite.

    Args:
        name: such as "task", "critic", "generator".
        parts: names of the parameter groups that learn; every other parameter is frozen meanwhile.
        loss: from the step to named scalar terms, already weighted; their sum is minimised.
        reads: which batches the backbone is run on in one joint forward: "source", "target", "strong".
        every: run in every n-th step only (lazy regularisers).
        repeat: run this many times in a row.
    """

    name: str
    parts: tuple[str, ...]
    loss: Callable[[Step], Mapping[str, Tensor]]
    reads: frozenset[str] = frozenset()
    every: int = 1
    repeat: int = 1


@dataclass
class Step:
    """What a loss receives.

    Attributes:
        source: labelled source batch (a method that needs no source does not read it).
        target: target batch, without labels.
        progress: the run's clock in [0, 1]; schedules are functions of it and survive a resume.
        number: index of the step, from 0.
        backbone: the network that learns.
        teacher: its exponential moving average in eval mode, or None when the run keeps none.
    """

    source: Labelled
    target: Unlabelled
    progress: float
    number: int
    backbone: Backbone
    teacher: Backbone | None = None
    joint: bool = True
    reads: frozenset[str] = frozenset()
    frozen: bool = False
    _memo: dict[str, Any] = field(default_factory=dict)

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """`make()`, computed once for each run of a phase, so that merged phases share their forward passes."""
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]

    def enter(self, phase: Phase) -> None:
        """Begin a phase: parameters have changed, so what was computed before is dropped.

        Between phases that leave the backbone alone its outputs stay true, and are kept.
        """
        frozen = not any(name.startswith("backbone.") for name in phase.parts)
        kept = self._memo.get("outputs") if frozen and self.frozen and phase.reads == self.reads else None
        self._memo.clear()
        if kept is not None:
            self._memo["outputs"] = kept
        self.reads, self.frozen = phase.reads, frozen

    @property
    def source_outputs(self) -> Outputs:
        return self._outputs["source"]

    @property
    def target_outputs(self) -> Outputs:
        return self._outputs["target"]

    @property
    def strong_outputs(self) -> Outputs:
        return self._outputs["strong"]

    @property
    def _outputs(self) -> dict[str, Outputs]:
        return self.once("outputs", self._forward)

    def _forward(self) -> dict[str, Outputs]:
        """Run the backbone on all that the phase reads: one batch (shared statistics), or one batch a domain."""
        views = {"source": lambda: self.source.images, "target": lambda: self.target.images, "strong": lambda: self.target.strong}
        names = [n for n in views if n in self.reads]
        images = [views[n]() for n in names]
        if not self.joint:
            return {n: self._run(x) for n, x in zip(names, images, strict=True)}
        sizes = [len(x) for x in images]
        out = self._run(torch.cat(images) if len(images) > 1 else images[0])
        features, logits = out.features.split(sizes), out.logits.split(sizes)
        return {n: Outputs(f, g) for n, f, g in zip(names, features, logits, strict=True)}

    def _run(self, x: Tensor) -> Outputs:
        f = self.backbone.pool(self.backbone.forward_features(x))  # (N, C)
        return Outputs(f.float(), self.backbone.head(f).float())
