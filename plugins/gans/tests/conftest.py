"""A GAN in training beside a classifier, for the tests of both kinds of GANs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from dazoo.contracts import Labelled
from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.contracts import Unlabelled
from dazoo.engine.settings import Settings
from dazoo.engine.updates import Updates
from dazoo.models.bridging import build_bridge
from dazoo.registry.plugins import zoo
from dazoo.testing.rehearsal import HOW


Two = Callable[..., dict[str, float]]


def take_two_steps(gan: str, backbone: str, channels: int, size: int, **arguments: Any) -> dict[str, float]:
    """Two steps, early and late in a run, with a fresh registered GAN beside a fresh backbone: every term is finite.

    Returns:
        For each group of the GAN the absolute gradients that it had, summed.
    """
    torch.manual_seed(0)
    network = zoo().backbones.build(backbone, num_classes=3, in_channels=channels)
    problem = Problem(network, 3, channels, size, (4, 4, 4), 12)
    bridge = build_bridge(zoo(), gan, problem, {"gan": arguments})
    had = dict.fromkeys((name for name, module in bridge.gan.groups().items() if list(module.parameters())), 0.0)

    def watch(phase, terms) -> None:
        assert terms and all(value.isfinite() for value in terms.values()), (phase.name, terms)
        for group in set(phase.groups) & set(had):
            had[group] += sum(float(p.grad.abs().sum()) for p in updates.groups.parameters[group] if p.grad is not None)

    updates = Updates(Method(problem), bridge, Settings.layered(HOW, {"size": size}), torch.device("cpu"), watch=watch)
    for number, progress in enumerate((0.1, 0.9)):
        images = torch.rand(4, channels, size, size) * 2 - 1
        target = images.flip(3) * 0.5
        batch = Labelled(images, torch.arange(4) % 3)
        updates.step([updates.make_pass(batch, Unlabelled(target, lambda x=target: x), progress, number)], number, progress)
    return had


@pytest.fixture
def two_steps() -> Two:
    return take_two_steps
