"""Clauses for a bridge, with a small GAN that takes what it feeds and beside the plain source method."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from dazoo.contracts import GAN
from dazoo.contracts import Bridge
from dazoo.contracts import Component
from dazoo.contracts import Labelled
from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.contracts.gan import FEEDS
from dazoo.errors import DazooError
from dazoo.registry.plugins import zoo
from dazoo.testing.pictures import check_drawn
from dazoo.testing.pictures import pictures
from dazoo.testing.rehearsal import Build
from dazoo.testing.rehearsal import Rehearsal
from dazoo.testing.rehearsal import problem
from dazoo.testing.tiny_gans import gan_that_takes


def builds_from_a_problem(name: str, settings: dict[str, Any]) -> None:
    """It builds a GAN for grey and colour pictures, keeps it as `gan`, and its groups are generators and critics."""
    for channels, size in ((1, 16), (3, 16), (3, 33)):
        bridge = _bridge(name, settings, problem(channels=channels, size=size))
        assert isinstance(getattr(bridge, "gan", None), GAN), f"{name} keeps no GAN; set self.gan = make_gan(code_size=...)."
        missing = sorted(set(bridge.gan.groups()) - set(bridge.groups()))
        assert not missing, f"{name}: groups() leaves out {missing} of its GAN; give {{**self.gan.groups(), ...}}."
        for group in bridge.groups():
            assert group.startswith(("generator", "critic")), f"{name}: a group is called {group!r}; expected generator... or critic...."


def declares_what_it_feeds(name: str, settings: dict[str, Any]) -> None:
    """`feeds` names what it gives a generator."""
    feeds = getattr(zoo().bridges.resolve(name), "feeds", None)
    expected = ", ".join(sorted(FEEDS))
    assert isinstance(feeds, frozenset) and feeds and feeds <= FEEDS, f"{name}: feeds is {feeds!r}; expected a frozenset out of {expected}."


def draws_pictures_in_range(name: str, settings: dict[str, Any]) -> None:
    """`sample` gives as many pictures as it is asked for, of the task's shape and in [-1, 1]."""
    for channels, size in ((1, 16), (3, 33)):
        bridge = _bridge(name, settings, problem(channels=channels, size=size))
        start = pictures(4, channels, size, size) if "images" in type(bridge).feeds else None
        check_drawn(name, bridge.sample(5, images=start), (5, channels, size, size))


def extends_the_source_batch(name: str, settings: dict[str, Any]) -> None:
    """At every time of the run `extend` gives labelled pictures like those of the source: in [-1, 1], classes in [0, K), no gradient."""
    for build in builds(name, settings).values():
        r = Rehearsal(build)
        bridge = next(c for c in r.components if isinstance(c, Bridge))
        for progress in (0.0, 0.5, 1.0):
            step = r.step(progress=progress)
            with torch.no_grad():
                got = bridge.extend(step)
            where = f"{name}: extend at progress {progress}"
            assert isinstance(got, Labelled), f"{where} gives a {type(got).__name__}; expected a dazoo.contracts.Labelled."
            check_drawn(where, got.images, (len(got.images), *step.source.images.shape[1:]))
            n, k = len(got.images), r.problem.num_classes
            assert got.labels.shape == (n,), f"{where} gives {n} pictures and labels {tuple(got.labels.shape)}; expected a label for each."
            right = got.labels.dtype == torch.int64 and 0 <= int(got.labels.min()) and int(got.labels.max()) < k
            assert right, f"{where} gives labels of {got.labels.dtype} up to {int(got.labels.max())}; expected int64 below {k}."
            assert got.images.dtype == torch.float32, f"{where} gives pictures of {got.images.dtype}; call .float() on what is drawn."


def builds(name: str, settings: dict[str, Any]) -> dict[str, Build]:
    """What builds the bridge with a small GAN, and the plain method, for the clauses of `of_components`."""

    def build(p: Problem) -> list[Component]:
        return [_bridge(name, settings, p), Method(p)]

    return {name: build}


def _bridge(name: str, settings: dict[str, Any], p: Problem) -> Bridge:
    make = partial(_make, gan_that_takes(getattr(zoo().bridges.resolve(name), "feeds", FEEDS)), p)
    try:
        return zoo().bridges.build(name, p, make, **settings)
    except DazooError:
        raise
    except Exception as exc:
        raise AssertionError(f"{name} cannot be built from a problem and a GAN: {type(exc).__name__}: {exc}") from exc


def _make(cls: type[GAN], p: Problem, *, code_size: int = 0) -> GAN:
    return cls(channels=p.channels, size=p.size, num_classes=p.num_classes, code_size=code_size).ready()
