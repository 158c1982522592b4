"""Clauses for a method."""

from __future__ import annotations

from typing import Any

from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.errors import DazooError
from dazoo.registry.plugins import zoo
from dazoo.testing.rehearsal import Build
from dazoo.testing.rehearsal import Rehearsal
from dazoo.testing.rehearsal import problem


def builds_from_a_problem(name: str, settings: dict[str, Any]) -> None:
    """It builds from the task alone, for grey and colour pictures."""
    for channels in (1, 3):
        p = problem(channels=channels)
        method = _built(name, settings, p)
        assert isinstance(method, Method), f"{name} builds a {type(method).__name__}; expected a dazoo.contracts.Method."
        assert getattr(method, "problem", None) is p, (
            f"{name} does not hand its problem to Method.__init__; call super().__init__(problem) first."
        )
    Rehearsal(*builds(name, settings).values())


def _built(name: str, settings: dict[str, Any], p: Problem) -> Method:
    """The method, or an AssertionError that says what its constructor raised."""
    try:
        return zoo().methods.build(name, p, **settings)
    except DazooError:
        raise
    except Exception as exc:
        raise AssertionError(f"{name} cannot be built from a problem: {type(exc).__name__}: {exc}") from exc


def builds(name: str, settings: dict[str, Any]) -> dict[str, Build]:
    """What builds the method from a problem, for the clauses of `of_components`."""

    def build(p: Problem) -> list[Method]:
        return [zoo().methods.build(name, p, **settings)]

    return {name: build}
