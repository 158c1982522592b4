"""Clauses for a method."""

from __future__ import annotations

from typing import Any

from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.registry.plugins import zoo
from dazoo.testing.rehearsal import Build
from dazoo.testing.rehearsal import Rehearsal
from dazoo.testing.rehearsal import problem


def builds_from_a_problem(name: str, settings: dict[str, Any]) -> None:
    """It builds from the task alone, for grey and colour pictures."""
    for channels in (1, 3):
        p = problem(channels=channels)
        method = zoo().methods.build(name, p, **settings)
        assert isinstance(method, Method), f"{name} builds a {type(method).__name__}; expected a dazoo.contracts.Method."
        assert getattr(method, "problem", None) is p, f"{name} does not hand its problem to Method.__init__."
    Rehearsal(components(name, settings))


def components(name: str, settings: dict[str, Any]) -> Build:
    """What builds the method from a problem, for the clauses of `of_components`."""

    def build(p: Problem) -> list[Method]:
        return [zoo().methods.build(name, p, **settings)]

    return build
