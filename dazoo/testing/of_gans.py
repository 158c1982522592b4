"""Clauses for a GAN, through every bridge that fits it and beside the plain source method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import Bridge
from dazoo.contracts import Component
from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.contracts.gan import FEEDS
from dazoo.errors import DazooError
from dazoo.models.bridging import build_bridge
from dazoo.models.bridging import fitting
from dazoo.registry.plugins import zoo
from dazoo.testing.pictures import check_drawn
from dazoo.testing.pictures import pictures
from dazoo.testing.rehearsal import Build
from dazoo.testing.rehearsal import Rehearsal
from dazoo.testing.rehearsal import problem


def builds_from_a_problem(name: str, settings: dict[str, Any]) -> None:
    """Every bridge that fits builds it for grey and colour pictures of usual and odd sizes; its groups are generators and critics."""
    for kind in fitting(zoo(), name):
        for p in _problems(name):
            for group in _bridge(name, settings, p, kind).groups():
                assert group.startswith(("generator", "critic")), (
                    f"{name}: a group is called {group!r}; expected generator... or critic...."
                )


def declares_what_it_takes(name: str, settings: dict[str, Any]) -> None:
    """`takes` names what the generator is fed."""
    takes = getattr(zoo().gans.resolve(name), "takes", None)
    expected = ", ".join(sorted(FEEDS))
    assert isinstance(takes, frozenset) and takes and takes <= FEEDS, f"{name}: takes is {takes!r}; expected a frozenset out of {expected}."


def draws_pictures_in_range(name: str, settings: dict[str, Any]) -> None:
    """What it draws has the task's shape, lies in [-1, 1], and not only in the upper half."""
    for kind in fitting(zoo(), name):
        for p in _problems(name):
            bridge = _bridge(name, settings, p, kind)
            shape = (4, p.channels, p.size, p.size)
            start = pictures(*shape)
            drawn = bridge.sample(4, images=start) if "images" in type(bridge).feeds else bridge.sample(4)
            check_drawn(f"{name} through {kind}", drawn, shape)


def draws_what_it_is_asked_for(name: str, settings: dict[str, Any]) -> None:
    """Another code, class or picture to start from gives another picture, and so does another noise where it draws some."""
    for label, build in builds(name, settings).items():
        r = Rehearsal(build)
        for number in range(2):  # some last layers start at zero
            r.run(number)
        bridge = next(c for c in r.components if isinstance(c, Bridge))
        gan, fed = bridge.gan, type(bridge).feeds
        for module in gan.groups().values():
            module.eval()
        one, other = _asks(gan, fed, r.problem, 0), _asks(gan, fed, r.problem, 1)
        first = _drawn(gan, one, 0)
        for what in sorted(fed):
            mixed = Ask(**{**one, what: other[what]})
            assert not torch.equal(first, _drawn(gan, vars(mixed), 0)), (
                f"{label}: another {what.removesuffix('s')} gives the very same pictures; the generator ignores ask.{what}."
            )
        if gan.noise_size:
            assert not torch.equal(first, _drawn(gan, one, 1)), f"{label}: another noise gives the very same pictures; use self.draw."


def judges_pictures(name: str, settings: dict[str, Any]) -> None:
    """A verdict holds the pictures, logits with one row a picture for each critic, never probabilities, and features of the width that it
    says."""
    bounded = True
    for seed in range(8):
        bridge = _bridge(name, settings, problem(seed=seed, size=_least(name)), fitting(zoo(), name)[0])
        x = pictures(6, 3, bridge.gan.size, bridge.gan.size)
        before = x.clone()
        with torch.no_grad():
            verdict = bridge.gan.look(x, torch.arange(6) % 3)  # refuses what is no verdict, and features of another width
        assert torch.equal(x, before), f"{name}: judge changes the pictures that it is given in place; work on a new tensor."
        assert verdict.logits, f"{name}: Verdict.logits is empty; expected one tensor for each critic."
        for logits in verdict.logits:
            assert isinstance(logits, Tensor) and logits.shape[:1] == (6,), (
                f"{name}: a critic gives logits {tuple(getattr(logits, 'shape', ()))} for 6 pictures; expected a row for each."
            )
        bounded = bounded and all(0 < float(g.min()) and float(g.max()) < 1 for g in verdict.logits)
        if not bounded:
            return
    raise AssertionError(
        f"{name}: every logit of 8 critics lies in (0, 1), so they are probabilities; leave the sigmoid out of the critic."
    )


def builds(name: str, settings: dict[str, Any]) -> dict[str, Build]:
    """What builds each bridge that fits, with this GAN in it, and the plain method, for the clauses of `of_components`."""

    def through(kind: str) -> Build:
        def build(p: Problem) -> list[Component]:
            return [_bridge(name, settings, p, kind), Method(p)]

        return build

    return {f"{name} through {kind}": through(kind) for kind in fitting(zoo(), name)}


def _bridge(name: str, settings: dict[str, Any], p: Problem, kind: str) -> Bridge:
    try:
        return build_bridge(zoo(), name, p, {"gan": settings, "bridge": {"kind": kind}})
    except DazooError:
        raise
    except Exception as exc:
        what = f"{p.channels} channels and {p.size} pixels a side"
        raise AssertionError(f"{name} cannot be built for {what} by the bridge {kind}: {type(exc).__name__}: {exc}") from exc


def _least(name: str) -> int:
    return max(16, zoo().gans.resolve(name).min_size)


def _problems(name: str) -> Iterator[Problem]:
    least = zoo().gans.resolve(name).min_size
    for channels, size in ((1, max(16, least)), (3, least), (3, max(28, least)), (3, max(33, least))):
        yield problem(channels=channels, size=size)


def _asks(gan: GAN, fed: frozenset[str], p: Problem, seed: int) -> dict[str, Any]:
    """What the generator is fed: three of each."""
    noise = torch.Generator().manual_seed(seed)
    asks: dict[str, Any] = {"n": 3}
    if "code" in fed:
        asks["code"] = torch.randn(3, gan.code_size, generator=noise)
    if "labels" in fed:
        asks["labels"] = torch.full((3,), seed % p.num_classes)
    if "images" in fed:
        asks["images"] = gan.start(pictures(3, p.channels, p.size, p.size, seed=seed))
    return asks


def _drawn(gan: GAN, ask: dict[str, Any], seed: int) -> Tensor:
    torch.manual_seed(seed)
    with torch.no_grad():
        return gan.generate(Ask(**ask))
