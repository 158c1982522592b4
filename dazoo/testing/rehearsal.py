"""A few steps of training on made-up pictures, one phase at a time and watched: what the clauses of methods and GANs look at.

The steps are the engine's own (`dazoo.engine.updates`); only the pictures are made up.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import Backbone
from dazoo.contracts import Bridge
from dazoo.contracts import Component
from dazoo.contracts import Labelled
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Unlabelled
from dazoo.engine.groups import merge
from dazoo.engine.passes import Pass
from dazoo.engine.settings import Settings
from dazoo.engine.updates import Updates


CLASSES, SIZE, BATCH = 3, 16, 6
LATE = 0.9
"""A progress at which warm starts are over and translated pictures are used."""

HOW = {
    "optimizer": "sgd",
    "lr": 0.05,
    "schedule": "constant",
    "warmup": 0.0,
    "clip": 1.0,
    "batch": BATCH,
    "size": SIZE,
    "precision": "fp32",
}
"""Plain steps that show in float32 and stay finite whatever the scale of a loss."""

WANTED = ("ema", "joint")
"""Settings that a component's `defaults` decide here too: a teacher is there where one is asked for, and nowhere else."""

Build = Callable[[Problem], Sequence[Component]]


class TinyBackbone(Backbone):
    """Two convolutions with batch norm: enough for every method, quick enough for every test."""

    num_features = 8

    def __init__(self, *, num_classes: int, in_channels: int = 3) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels)
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
        )
        self.head = nn.Linear(self.num_features, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.layers(x)


def problem(seed: int = 0, channels: int = 3, size: int = SIZE) -> Problem:
    """A task of three classes, with a tiny backbone."""
    torch.manual_seed(seed)
    backbone = TinyBackbone(num_classes=CLASSES, in_channels=channels)
    return Problem(backbone, CLASSES, channels, size, source_counts=(20, 10, 5), target_count=30)


class Rehearsal:
    """Components in training.

    Args:
        build: makes the components (a method; or a bridge and a method) from a problem.
        seed: fixes their weights.
        settings: run settings over the kit's own, such as {"precision": "bf16"}.
    """

    def __init__(self, build: Build, *, seed: int = 0, settings: Mapping[str, Any] | None = None) -> None:
        self.components = list(build(problem(seed)))
        self.method = next(c for c in self.components if isinstance(c, Method))
        self.problem = self.method.problem
        self.backbone = self.problem.backbone
        bridge = next((c for c in self.components if isinstance(c, Bridge)), None)
        wanted = [{k: v for k, v in c.defaults.items() if k in WANTED} for c in self.components]
        self.updates = Updates(self.method, bridge, Settings.layered(HOW, *wanted, settings or {}), torch.device("cpu"))
        self.groups, self.phases = self.updates.groups, merge(self.updates.phases)

    def moments(self) -> list[float]:
        """Progresses at which all phases together have run: late in a run, and at the beginning of what has ended then."""
        return sorted({LATE, *(phase.begin for phase in self.updates.phases if phase.end <= LATE)})

    def step(self, number: int = 0, progress: float = LATE, source_batch: int = BATCH) -> Pass:
        """The batch of a step: noisy stripes whose class can be seen, the target darker; no source for what adapts a trained model."""
        noise = torch.Generator().manual_seed(100 + number)
        labels = torch.arange(max(source_batch, BATCH)) % CLASSES
        rows = torch.arange(self.problem.size).view(1, 1, -1, 1)
        stripes = torch.sin(rows * (labels.view(-1, 1, 1, 1) + 1))  # (N, 1, H, 1)
        shape = (len(labels), self.problem.channels, self.problem.size, self.problem.size)
        images = (0.5 * stripes + 0.3 * torch.randn(shape, generator=noise)).clamp(-1, 1)[:source_batch]
        target = (0.4 * stripes.flip(0) + 0.3 * torch.randn(shape, generator=noise) - 0.3).clamp(-1, 1)[:BATCH]
        labels = labels[:source_batch]
        source = None if self.method.adapts_trained else Labelled(images, labels)
        return self.updates.make_pass(source, Unlabelled(target, lambda: target.flip(3)), progress, number)

    def run(
        self,
        number: int = 0,
        progress: float = LATE,
        watch: Callable[[Phase, Mapping[str, Tensor]], None] | None = None,
        *,
        seed: int = 1000,
        source_batch: int = BATCH,
    ) -> Pass:
        """One step of every phase that runs then, and the batch that it was made from.

        Args:
            watch: called after each update with the phase and its loss terms.
        """
        torch.manual_seed(seed + number)
        self.updates.watch = watch
        step = self.step(number, progress, source_batch)
        self.updates.step([step], number, progress)
        self.updates.pending.clear()
        return step

    def state(self) -> dict[str, Tensor]:
        """Everything that a checkpoint of the engine holds of them."""
        return {name: value.detach().clone() for name, value in self.updates.tensors().items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take a state over, strictly."""
        self.updates.restore(state)
