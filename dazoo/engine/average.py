"""Exponential moving averages of weights: of the network that answers, a teacher to learn from; and of the generators, which draw."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Group
from dazoo.contracts import Method
from dazoo.errors import PluginError


class Average:
    """The averaged backbone, with the heads that the method answers with.

    Args:
        method: whose networks are averaged.
        decay: of the average, in (0, 1).
        trained: the networks are trained already. A young average follows quickly, to forget a random start; a trained one is kept.

    Attributes:
        method: a copy of the method whose `read` uses the averaged networks, in eval mode.
        modules: the averaged modules by name, for checkpoints.
    """

    def __init__(self, method: Method, decay: float, *, trained: bool = False) -> None:
        self.decay, self.trained = decay, trained
        self.method = copy.deepcopy(method)
        learning, averaged = answering(method), answering(self.method)
        self.modules = {name.replace("backbone", "teacher", 1): module for name, module in averaged.items()}
        self._pairs = [(averaged[name], module) for name, module in learning.items()]
        for module in averaged.values():
            module.eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, number: int) -> None:
        """Take in the weights after step `number`."""
        decay = self.decay if self.trained else young(self.decay, number)
        for mean, module in self._pairs:
            follow(mean, module, decay)


class Drawing:
    """The averaged generators of a GAN: what draws samples and is kept, while the ones that learn go on playing.

    Args:
        gan: whose generators are averaged.
        decay: of the average, in (0, 1).

    Attributes:
        modules: the averaged generators by name, for checkpoints.
    """

    def __init__(self, gan: GAN, decay: float) -> None:
        self.decay = decay
        learning = {name: group for name, group in gan.groups().items() if name.startswith("generator")}
        self._pairs = [(copy.deepcopy(module), module) for module in learning.values()]
        self.modules = {f"average.{name}": mean for name, (mean, _) in zip(learning, self._pairs, strict=True)}
        for mean, _ in self._pairs:
            mean.requires_grad_(False)

    @torch.no_grad()
    def update(self, number: int) -> None:
        """Take in the weights after step `number`."""
        for mean, module in self._pairs:
            follow(mean, module, young(self.decay, number))

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the averaged weights with those that learn; the same again puts them back."""
        for mean, module in self._pairs:
            for one, other in zip((*mean.parameters(), *mean.buffers()), (*module.parameters(), *module.buffers()), strict=True):
                kept = one.clone()
                one.copy_(other)
                other.copy_(kept)

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """The GAN draws with the averaged weights inside."""
        self.swap()
        try:
            yield
        finally:
            self.swap()


def young(decay: float, number: int) -> float:
    """The decay at step `number`: a young average follows quickly, to forget a random start."""
    return min(decay, (1 + number) / (10 + number))


def follow(mean: nn.Module, module: nn.Module, decay: float) -> None:
    """Move averaged parameters and buffers towards the module's; whole numbers are copied."""
    for m, p in zip(mean.parameters(), module.parameters(), strict=True):
        m.lerp_(p, 1 - decay)
    for kept, b in zip(mean.buffers(), module.buffers(), strict=True):
        kept.lerp_(b, 1 - decay) if kept.is_floating_point() else kept.copy_(b)


def answering(method: Method) -> dict[str, nn.Module]:
    """The modules that a method's answer comes from, by name: "backbone", and "backbone.NAME" for each of its own heads.

    Raises:
        PluginError: `heads` names no module of its groups.
    """
    groups = method.groups()
    found: dict[str, nn.Module] = {"backbone": method.problem.backbone}
    for name in method.heads:
        group: Group | None = groups.get(name)
        if not isinstance(group, nn.Module):
            raise PluginError(f"{type(method).__name__} answers with the group {name!r}, but its groups() has no module of that name.")
        found[f"backbone.{name}"] = group
    return found
