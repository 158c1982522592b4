"""The exponential moving average of a network's weights: a teacher to learn from, and what is evaluated and kept."""

from __future__ import annotations

import copy

import torch
from torch import nn

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
        decay = self.decay if self.trained else min(self.decay, (1 + number) / (10 + number))
        for mean, module in self._pairs:
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
