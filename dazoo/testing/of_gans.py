"""Clauses for a GAN variant, through the bridge that fits it and beside the plain source method."""

from __future__ import annotations

from typing import Any

import torch

from dazoo.contracts import Bridge
from dazoo.contracts import Component
from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.contracts.gan import FEEDS
from dazoo.models.bridging import build_bridge
from dazoo.registry.plugins import zoo
from dazoo.testing.rehearsal import Build
from dazoo.testing.rehearsal import problem


def builds_from_a_problem(name: str, settings: dict[str, Any]) -> None:
    """A bridge builds it for grey and colour pictures of usual and odd sizes; its groups are generators and critics."""
    least = zoo().gans.resolve(name).min_size
    for channels, size in ((1, max(16, least)), (3, least), (3, max(28, least)), (3, max(33, least))):
        bridge = _bridge(name, settings, problem(channels=channels, size=size))
        for group in bridge.groups():
            assert group.startswith(("generator", "critic")), f"{name}: a group is called {group!r}; expected generator... or critic...."


def declares_what_it_takes(name: str, settings: dict[str, Any]) -> None:
    """`takes` names what the generator is fed."""
    takes = getattr(zoo().gans.resolve(name), "takes", None)
    assert isinstance(takes, frozenset) and takes and takes <= FEEDS, f"{name}: takes is {takes!r}; expected a frozenset out of {FEEDS}."


def draws_pictures_in_range(name: str, settings: dict[str, Any]) -> None:
    """What it draws has the task's shape and lies in [-1, 1]."""
    least = zoo().gans.resolve(name).min_size
    for channels, size in ((1, max(16, least)), (3, least), (3, max(28, least)), (3, max(33, least))):
        p = problem(channels=channels, size=size)
        bridge = _bridge(name, settings, p)
        shape = (4, channels, size, size)
        start = torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
        drawn = bridge.sample(4, images=start) if "images" in type(bridge).feeds else bridge.sample(4)
        assert drawn.shape == shape, f"{name} draws {tuple(drawn.shape)}; expected {shape}."
        assert drawn.isfinite().all() and drawn.abs().max() <= 1 + 1e-4, f"{name} draws values outside [-1, 1]; end the generator in tanh."


def _bridge(name: str, settings: dict[str, Any], p: Problem) -> Bridge:
    return build_bridge(zoo(), name, p, {"gan": settings})


def components(name: str, settings: dict[str, Any]) -> Build:
    """What builds the bridge with this GAN in it and the plain method from a problem, for the clauses of `of_components`."""

    def build(p: Problem) -> list[Component]:
        return [_bridge(name, settings, p), Method(p)]

    return build
