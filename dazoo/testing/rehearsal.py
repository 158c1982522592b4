"""A few steps of training on made-up pictures, one phase at a time and watched: what the clauses of methods and GANs look at.

It does what `dazoo.engine.trainer` does in a step, without data, schedules, precision, averages or checkpoints.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import Backbone
from dazoo.contracts import Component
from dazoo.contracts import Labelled
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.contracts import Unlabelled
from dazoo.contracts.component import BACKBONE
from dazoo.engine.phases import Parts
from dazoo.engine.phases import merge


CLASSES, SIZE, BATCH = 3, 16, 6
LATE = 0.9
"""A progress at which warm starts are over and translated pictures are used."""

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
        rate: of plain gradient descent; large, so that a step shows in float32.
    """

    def __init__(self, build: Build, *, seed: int = 0, rate: float = 0.05) -> None:
        self.problem = problem(seed)
        self.backbone = self.problem.backbone
        self.components = list(build(self.problem))
        self.parts = Parts(self.backbone, self.components)
        self.phases = merge(phase for component in self.components for phase in component.phases())
        self.teacher = copy.deepcopy(self.backbone).eval().requires_grad_(False)
        self.rate = rate
        self.method = next(c for c in self.components if isinstance(c, Method))

    def step(self, number: int = 0, progress: float = LATE) -> Step:
        """The batch of a step: noisy stripes whose class can be seen, the target darker; no source for what adapts a trained model."""
        noise = torch.Generator().manual_seed(100 + number)
        labels = torch.arange(BATCH) % CLASSES
        rows = torch.arange(self.problem.size).view(1, 1, -1, 1)
        stripes = torch.sin(rows * (labels.view(-1, 1, 1, 1) + 1))  # (N, 1, H, 1)
        shape = (BATCH, self.problem.channels, self.problem.size, self.problem.size)
        images = (0.5 * stripes + 0.3 * torch.randn(shape, generator=noise)).clamp(-1, 1)
        target = (0.4 * stripes.flip(0) + 0.3 * torch.randn(shape, generator=noise) - 0.3).clamp(-1, 1)
        source = None if self.method.adapts_trained else Labelled(images, labels)
        return Step(source, Unlabelled(target, lambda: target.flip(3)), progress, number, self.backbone, self.teacher)  # type: ignore[arg-type]

    def run(self, number: int = 0, progress: float = LATE, watch: Callable[[Phase, Mapping[str, Tensor]], None] | None = None) -> None:
        """One step of every phase. `watch` is called after each phase's update with its loss terms."""
        torch.manual_seed(1000 + number)
        step = self.step(number, progress)
        self.method.set_mode(self.backbone)
        original, extended = step.source, None
        for phase in self.phases:
            learns = any(name in BACKBONE for name in phase.parts)
            if learns and extended is None and original is not None:
                with torch.no_grad():
                    for component in self.components:
                        step.source = component.extend(step)
                extended = step.source
            step.source = extended if learns and extended is not None else original
            for _ in range(phase.repeat):
                terms = self.update(phase, step)
            if watch is not None:
                watch(phase, terms)
        with torch.no_grad():
            for component in self.components:
                component.after_step(step)

    def update(self, phase: Phase, step: Step) -> dict[str, Tensor]:
        """One update of one phase: only its parts have gradients, and they move against them."""
        learning = self.parts.of(phase)
        for p in self.parts.all:
            p.requires_grad_(False)
            p.grad = None
        for p in learning:
            p.requires_grad_(True)
        step.enter(phase)
        terms = dict(phase.loss(step))
        total = sum(terms.values())
        if isinstance(total, Tensor) and total.requires_grad:
            total.backward()
        with torch.no_grad():
            for p in learning:
                if p.grad is not None:
                    p.sub_(self.rate * p.grad / (1 + p.grad.norm()))  # bounded: a loss of any scale stays finite
        return terms

    def state(self) -> dict[str, Tensor]:
        """Everything that a checkpoint of the engine holds of them."""
        modules = {**self.parts.modules, "teacher": self.teacher}
        return {f"{name}/{k}": v.detach().clone() for name, module in modules.items() for k, v in module.state_dict().items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take a state over, strictly."""
        for name, module in {**self.parts.modules, "teacher": self.teacher}.items():
            prefix = f"{name}/"
            module.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}, strict=True)
