"""Clauses: how they are written down, listed, and turned into tests."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

from dazoo.errors import SettingsError


HOMES = {
    "plugin": "dazoo.testing.of_plugins",
    "backbone": "dazoo.testing.of_backbones",
    "method": "dazoo.testing.of_methods",
    "gan": "dazoo.testing.of_gans",
    "augmentation": "dazoo.testing.of_augmentations",
    "executor": "dazoo.testing.of_executors",
    "logger": "dazoo.testing.of_loggers",
}
"""Module of each kind's own clauses. They are imported when a clause runs: collecting tests needs no torch."""

SHARED = "dazoo.testing.of_components"
"""Module of the clauses that kinds share: given what the kind's `components` builds, in place of settings."""


class Skip(Exception):
    """Raised by a clause that does not apply; the message says why."""


@dataclass(frozen=True)
class Clause:
    """One clause for one name; calling it runs it.

    Attributes:
        kind: "plugin", "backbone", "method", "gan", "augmentation", "executor" or "logger".
        name: registered name, or "distribution:entry point".
        title: the clause, a function of its kind's module or of the shared one.
        settings: keyword arguments to build the name with.
    """

    kind: str
    name: str
    title: str
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.name}-{self.title}"

    def __call__(self) -> None:
        """Run it.

        Raises:
            AssertionError: the name does not keep the contract; the message says what was seen and what was expected.
            Skip: the clause does not apply to this name (a skipped test under pytest).
        """
        try:
            self.run()
        except Skip as exc:
            _skip(exc)

    def run(self) -> None:
        """The same, but a clause that does not apply raises `Skip` under pytest too."""
        home, settings = import_module(HOMES[self.kind]), dict(self.settings)
        if hasattr(home, self.title):
            getattr(home, self.title)(self.name, settings)
        else:
            getattr(import_module(SHARED), self.title)(self.name, home.components(self.name, settings))


# The clauses of each kind, in the order in which their failures are best read: the first that fails explains the later ones.
TITLES: Mapping[str, tuple[str, ...]] = {
    "plugin": (
        "loads",
        "imports_nothing_heavy",
        "keeps_to_the_hooks",
        "names_follow_the_grammar",
        "targets_resolve",
        "says_what_it_brings",
    ),
    "backbone": (
        "builds_from_defaults",
        "gives_the_shapes_at_any_size",
        "class_map_is_the_classifier_at_each_place",
        "parts_into_body_and_head",
        "gradient_reaches_every_parameter",
        "leaves_its_input_alone",
        "is_deterministic_in_eval_mode",
        "survives_safetensors",
        "survives_copy_and_pickle",
        "seed_fixes_the_weights",
        "says_what_it_wants",
        "is_rebuilt_without_fetching",
    ),
    "method": (
        "builds_from_a_problem",
        "phases_train_known_groups",
        "terms_are_finite_named_scalars",
        "each_phase_changes_what_it_names_and_nothing_else",
        "critic_and_backbone_both_learn",
        "seed_fixes_the_step",
        "state_survives_a_checkpoint",
        "settings_are_known",
    ),
    "gan": (
        "builds_from_a_problem",
        "declares_what_it_takes",
        "draws_pictures_in_range",
        "phases_train_known_groups",
        "terms_are_finite_named_scalars",
        "each_phase_changes_what_it_names_and_nothing_else",
        "critic_and_backbone_both_learn",
        "seed_fixes_the_step",
        "state_survives_a_checkpoint",
        "settings_are_known",
    ),
    "augmentation": (
        "gives_images_like_those_it_takes",
        "seed_fixes_the_views",
        "draws_for_each_image",
    ),
    "executor": (
        "nothing_to_do_is_done",
        "runs_every_job_once_in_a_process_of_its_own",
        "says_what_went_wrong",
        "a_stopped_job_has_no_error",
        "runs_as_many_at_a_time_as_it_is_told",
        "closing_stops_what_runs",
    ),
    "logger": (
        "takes_every_event",
        "takes_a_run_that_goes_on",
        "takes_odd_values",
    ),
}


def clauses_of(kind: str, names: Iterable[str] | str = "*", *, settings: Mapping[str, Mapping[str, Any]] | None = None) -> list[Clause]:
    """Every clause for every name.

    Args:
        kind: "plugin", "backbone", "method", "gan", "augmentation", "executor" or "logger".
        names: names, or a wildcard pattern over the registered ones.
        settings: keyword arguments by name, to build it smaller or with what it requires; "*" for the others.

    Raises:
        SettingsError: an unknown kind, or a pattern that matches no name.
    """
    if kind not in HOMES:
        raise SettingsError(f"There is no contract for {kind!r}; expected one of {', '.join(HOMES)}.")
    found = _matching(kind, names) if isinstance(names, str) else list(names)
    settings = settings or {}
    return [Clause(kind, name, title, settings.get(name, settings.get("*", {}))) for name in found for title in TITLES[kind]]


def parametrize_with_contract(
    kind: str, names: Iterable[str] | str = "*", *, settings: Mapping[str, Mapping[str, Any]] | None = None
) -> Callable[..., Any]:
    """A pytest decorator: the test's argument `clause` is each clause for each name in turn. Arguments as for `clauses_of`."""
    import pytest

    return pytest.mark.parametrize("clause", clauses_of(kind, names, settings=settings), ids=str)


def check(kind: str, name: str, **settings: Any) -> dict[str, str]:
    """Run every clause for one name without pytest; what went wrong, by clause, is empty when the contract is kept."""
    problems = {}
    for clause in clauses_of(kind, [name], settings={name: settings}):
        try:
            clause.run()
        except Skip:
            continue
        except Exception as exc:
            problems[clause.title] = f"{type(exc).__name__}: {exc}"
    return problems


def _matching(kind: str, pattern: str) -> list[str]:
    from dazoo.registry.plugins import zoo

    known = sorted(zoo().loaded) if kind == "plugin" else zoo().registries()[kind].names()
    found = [name for name in known if fnmatchcase(name, pattern)]
    if not found:
        raise SettingsError(f"No {kind} matches {pattern!r}; is the plugin installed? `dazoo plugins` shows what is.")
    return found


def _skip(reason: Skip) -> None:
    try:
        import pytest
    except ImportError:
        raise reason from None
    pytest.skip(str(reason))
