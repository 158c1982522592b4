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
from dazoo.errors import Interrupted
from dazoo.errors import SettingsError
from dazoo.testing.titles import HOMES
from dazoo.testing.titles import SHARED
from dazoo.testing.titles import TITLES


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
    except Interrupted:
        raise
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
