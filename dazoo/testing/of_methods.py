"""Clauses for a method."""

from __future__ import annotations

from typing import Any

from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.plugins import zoo
from dazoo.testing import of_components as common
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
    Rehearsal(_build(name, settings))


def phases_train_known_parts(name: str, settings: dict[str, Any]) -> None:
    """Every phase trains parts that exist and hold parameters, and reads batches that exist."""
    common.phases_train_known_parts(name, _build(name, settings))


def terms_are_finite_named_scalars(name: str, settings: dict[str, Any]) -> None:
    """Every phase's loss gives named scalars, finite at the beginning, the middle and the end of a run."""
    common.terms_are_finite_named_scalars(name, _build(name, settings))


def each_phase_changes_what_it_names_and_nothing_else(name: str, settings: dict[str, Any]) -> None:
    """After each phase the parts that it names have moved and every other parameter is equal to the bit."""
    common.each_phase_changes_what_it_names_and_nothing_else(name, _build(name, settings))


def critic_and_backbone_both_learn(name: str, settings: dict[str, Any]) -> None:
    """A method with critics: they and the body get a gradient."""
    common.critic_and_backbone_both_learn(name, _build(name, settings))


def seed_fixes_the_step(name: str, settings: dict[str, Any]) -> None:
    """Two runs with one seed end in the same weights."""
    common.seed_fixes_the_step(name, _build(name, settings))


def state_survives_a_checkpoint(name: str, settings: dict[str, Any]) -> None:
    """Saved and loaded, the next step is the same."""
    common.state_survives_a_checkpoint(name, _build(name, settings))


def settings_are_known(name: str, settings: dict[str, Any]) -> None:
    """Run settings and optimiser settings that it asks for exist."""
    common.settings_are_known(name, _build(name, settings))


def _build(name: str, settings: dict[str, Any]) -> Build:
    def build(p: Problem) -> list[Method]:
        return [zoo().methods.build(name, p, **settings)]

    return build
