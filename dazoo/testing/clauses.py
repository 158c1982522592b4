"""Clauses: how they are written down, listed, and turned into tests."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

from dazoo.errors import DazooError
from dazoo.errors import SettingsError


HOMES = {
    "plugin": "dazoo.testing.of_plugins",
    "backbone": "dazoo.testing.of_backbones",
    "gan": "dazoo.testing.of_gans",
    "bridge": "dazoo.testing.of_bridges",
    "method": "dazoo.testing.of_methods",
    "dataset": "dazoo.testing.of_datasets",
    "scenario": "dazoo.testing.of_scenarios",
    "augmentation": "dazoo.testing.of_augmentations",
    "validator": "dazoo.testing.of_validators",
    "executor": "dazoo.testing.of_executors",
    "logger": "dazoo.testing.of_loggers",
    "entry": "dazoo.testing.of_entries",
}
"""Module of each kind's own clauses. They are imported when a clause runs: collecting tests needs no torch."""

SHARED = "dazoo.testing.of_components"
"""Module of the clauses that kinds share: given what the kind's `builds` make, one after another, in place of settings."""


class Skip(Exception):
    """Raised by a clause that does not apply; the message says why."""


@dataclass(frozen=True)
class Clause:
    """One clause for one name; calling it runs it.

    Attributes:
        kind: "plugin", or what a plugin brings: see `HOMES`.
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
            AssertionError, DazooError: the name does not keep the contract; the message says what was seen and what was expected.
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
            return
        shared = getattr(import_module(SHARED), self.title)
        for label, build in home.builds(self.name, settings).items():
            shared(label, build)


_TRAINS = (
    "phases_train_known_groups",
    "settings_are_known",
    "terms_are_finite_named_scalars",
    "each_phase_changes_what_it_names_and_nothing_else",
    "critic_and_backbone_both_learn",
    "reads_what_it_says",
    "leaves_the_batch_alone",
    "takes_batches_of_different_sizes",
    "trains_in_bf16",
    "seed_fixes_the_step",
    "leaves_the_seed_alone",
    "state_survives_a_checkpoint",
)
"""Clauses of whatever trains through phases."""

TITLES: Mapping[str, tuple[str, ...]] = {
    "plugin": (
        "loads",
        "loads_quickly_and_quietly",
        "imports_nothing_heavy",
        "keeps_to_the_hooks",
        "names_are_its_own",
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
        "trains_in_bf16",
        "seed_fixes_the_step",
        "leaves_the_seed_alone",
        "state_survives_a_checkpoint",
    ),
    "gan": (
        "builds_from_a_problem",
        "declares_what_it_takes",
        "draws_pictures_in_range",
        "draws_what_it_is_asked_for",
        "judges_pictures",
        *_TRAINS,
    ),
    "bridge": (
        "builds_from_a_problem",
        "declares_what_it_feeds",
        "draws_pictures_in_range",
        "extends_the_source_batch",
        *_TRAINS,
    ),
    "method": ("builds_from_a_problem", *_TRAINS),
    "dataset": (
        "builds_and_says_what_it_is",
        "says_when_it_is_missing",
        "loads_both_splits",
        "names_classes_in_the_order_of_the_labels",
        "gives_the_same_pictures_each_time",
        "keeps_train_and_test_apart",
    ),
    "scenario": (
        "builds_from_data_sets_that_are_known",
        "classes_match",
        "settings_are_known",
        "loads_both_sides",
    ),
    "augmentation": (
        "builds_from_defaults",
        "gives_images_like_those_it_takes",
        "seed_fixes_the_views",
        "draws_for_each_image",
    ),
    "validator": (
        "builds_from_defaults",
        "gives_a_finite_number",
        "repeats_itself",
        "leaves_its_evidence_alone",
        "says_whether_it_reads_the_source",
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
    "entry": (
        "is_whole",
        "is_called_like_its_recipe",
        "answers_as_when_it_was_saved",
    ),
}
# The clauses of each kind, in the order in which their failures are best read. When the first one fails, the later ones say nothing new.


def clauses_of(kind: str, names: Iterable[str] | str = "*", *, settings: Mapping[str, Mapping[str, Any]] | None = None) -> list[Clause]:
    """Every clause for every name.

    Args:
        kind: "plugin", or what a plugin brings: see `HOMES`.
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


@dataclass(frozen=True)
class Finding:
    """What came of a clause: `state` is "ok", "failed" or "skipped", and `message` says why where it is not "ok"."""

    clause: Clause
    state: str
    message: str = ""


def findings(kind: str, name: str, settings: Mapping[str, Any] | None = None) -> Iterator[Finding]:
    """Run every clause for one name. When the first one fails, the others are skipped: they would say the same."""
    clauses = clauses_of(kind, [name], settings={name: settings or {}})
    for number, clause in enumerate(clauses):
        found = finding(clause)
        yield found
        if number == 0 and found.state == "failed":
            yield from (Finding(later, "skipped", f"{clause.title} fails") for later in clauses[1:])
            return


def finding(clause: Clause) -> Finding:
    try:
        clause.run()
    except Skip as exc:
        return Finding(clause, "skipped", str(exc))
    except SettingsError as exc:
        if isinstance(exc.__cause__ or exc.__context__, ImportError):  # how a part says that it needs a package that is not here
            return Finding(clause, "skipped", str(exc))
        return Finding(clause, "failed", str(exc))
    except (AssertionError, DazooError) as exc:
        return Finding(clause, "failed", str(exc) or type(exc).__name__)
    except (Exception, SystemExit) as exc:
        return Finding(clause, "failed", f"{clause.kind} {clause.name}: {type(exc).__name__}: {exc}")
    return Finding(clause, "ok")


def check(kind: str, name: str, **settings: Any) -> dict[str, str]:
    """Run every clause for one name without pytest; what went wrong, by clause, is empty when the contract is kept."""
    return {found.clause.title: found.message for found in findings(kind, name, settings) if found.state == "failed"}


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
