"""One micro-batch on its way through the phases of a step: what the contract's `Step` promises to losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import TypeVar

import torch
from torch import Tensor

from dazoo.contracts import Labelled
from dazoo.contracts import Method
from dazoo.contracts import Outputs
from dazoo.contracts import Phase
from dazoo.contracts import Step
from dazoo.contracts import Unlabelled
from dazoo.engine.faults import blaming
from dazoo.errors import PluginError


T = TypeVar("T")

SEEN = ("source", "target", "source_outputs", "target_outputs", "strong_outputs", "progress", "number", "backbone", "teacher", "kept")
"""What a step has."""


class Pass(Step):
    """A micro-batch and what is computed from it.

    Args:
        source: labelled images, or None where the method gets none.
        target: images without labels.
        progress, number: of the step.
        method: whose `read` runs the learning network.
        teacher: the method with averaged networks, or None.
        joint: run what a phase reads through the network in one batch (shared batch-norm statistics), or one batch after another.
    """

    def __init__(
        self,
        source: Labelled | None,
        target: Unlabelled,
        progress: float,
        number: int,
        method: Method,
        teacher: Method | None = None,
        joint: bool = True,
    ) -> None:
        if source is not None:
            self.source = source
        self.target, self.progress, self.number, self.kept = target, progress, number, {}
        self.backbone = method.problem.backbone
        self.teacher = None if teacher is None else teacher.problem.backbone
        self._method, self._teacher, self._joint = method, teacher, joint
        self._phase: Phase | None = None
        self._learnt = False
        self._memo: dict[str, Any] = {}

    @property
    def has_source(self) -> bool:
        """Whether there is a source batch."""
        return "source" in self.__dict__

    def __getattr__(self, name: str) -> Any:
        if name == "source":
            raise PluginError("A loss asks for the source batch, but a method that adapts a trained model (adapts_trained) gets none.")
        raise AttributeError(f"A step has no {name!r}; a loss sees {', '.join(SEEN)}, and no label of the target.")

    def enter(self, phase: Phase, learns: bool = True) -> None:
        """Begin a phase: parameters have changed, so what was computed before is dropped.

        Between phases that leave the backbone alone its outputs stay true, and are kept.
        """
        before, self._phase = self._phase, phase
        kept = self._memo.get("outputs") if before is not None and before.reads == phase.reads and not (self._learnt or learns) else None
        self._learnt = learns
        self._memo = {} if kept is None else {"outputs": kept}

    def once(self, key: str, make: Callable[[], T]) -> T:
        if key not in self._memo:
            self._memo[key] = make()
        found: T = self._memo[key]
        return found

    def outputs(self, view: str) -> Outputs:
        if self._phase is None or view not in self._phase.reads:
            name, reads = (self._phase.name, sorted(self._phase.reads)) if self._phase else ("none", [])
            raise PluginError(f"the loss of phase {name!r} uses outputs for {view!r}, but it reads {reads}; add {view!r} to `reads`.")
        # An AttributeError that left a property would be told as if the step had no such property.
        with blaming(self._method, f"while pictures are read in phase {self._phase.name!r}", self):
            return self.once("outputs", self._forward)[view]

    def read(self, images: Tensor) -> Outputs:
        return (self._teacher or self._method).read(images)

    def _forward(self) -> dict[str, Outputs]:
        """Run the network on all that the phase reads."""
        assert self._phase is not None
        views = {"source": lambda: self.source.images, "target": lambda: self.target.images, "strong": lambda: self.target.strong}
        names = [n for n in views if n in self._phase.reads]
        images = [views[n]() for n in names]
        if not self._joint:
            return {n: self._method.read(x) for n, x in zip(names, images, strict=True)}
        sizes = [len(x) for x in images]
        out = self._method.read(torch.cat(images) if len(images) > 1 else images[0])
        features, logits = out.features.split(sizes), out.logits.split(sizes)
        return {n: Outputs(f, g) for n, f, g in zip(names, features, logits, strict=True)}
