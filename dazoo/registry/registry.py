"""Names and what they stand for: lazy targets "module:attribute", who brought them, and what to say when one is missing."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

from dazoo.errors import AmbiguousName
from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName


PART = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
"""Grammar of one part's name; `-` is free as the joint of recipe names."""

RECIPE = re.compile(rf"{PART.pattern}(-{PART.pattern})*")
"""Grammar of an entry's name."""


@dataclass(frozen=True)
class Entry:
    """One registered name.

    Attributes:
        kind: "backbone", "gan", "method", "dataset", "scenario", "validator" or "entry".
        name: plain name.
        target: "module:attribute" of the class; for an entry "package:folder" or "hub:user/repo@revision".
        settings: constructor keyword arguments that the name stands for.
        plugin: entry point that brought it.
        dist: its distribution, normalised (`dazoo-backbones`).
        version: the distribution's version.
        summary: one line for listings.
        wraps: distribution whose code it wraps (`timm`): its version is part of a cell's identity, or an empty string.
    """

    kind: str
    name: str
    target: str
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    plugin: str = ""
    dist: str = ""
    version: str = ""
    summary: str = ""
    wraps: str = ""

    @property
    def qualified(self) -> str:
        """The spelling that stays unique when another distribution brings the same name."""
        return f"{self.dist}:{self.name}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """ " Did you mean 'x' or 'y'?" for the nearest names, or an empty string."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""


class Registry:
    """Entries of one kind.

    Args:
        kind: what messages call it.
        base: "module:Class" that every target must subclass, or None where targets are not classes.
        hint: called for the end of an unknown-name message (which plugins failed to load).
    """

    def __init__(self, kind: str, base: str | None = None, hint: Callable[[], str] = lambda: "") -> None:
        self.kind, self.base = kind, base
        self._hint = hint
        self._entries: dict[str, dict[str, Entry]] = {}

    def __len__(self) -> int:
        return sum(len(brought) for brought in self._entries.values())

    def __contains__(self, name: str) -> bool:
        return len(self.find(name)) == 1

    def add(self, entry: Entry) -> None:
        """Add an entry. A name that another distribution has already becomes ambiguous, not overwritten.

        Raises:
            PluginError: the same distribution has brought the name already, so no spelling could tell them apart.
        """
        brought = self._entries.setdefault(entry.name, {})
        if entry.dist in brought:
            other = brought[entry.dist].plugin
            raise PluginError(
                f"{entry.dist} registers the {self.kind} {entry.name!r} twice (plugins {other!r}, {entry.plugin!r}); rename one."
            )
        brought[entry.dist] = entry

    def find(self, name: str) -> list[Entry]:
        """Every entry that a spelling may mean: "name", "dist:name", "kind:name" or "kind:dist:name"."""
        head, _, rest = name.partition(":")
        if not rest:
            return list(self._entries.get(name, {}).values())
        qualifier, _, last = name.rpartition(":")
        found = {}
        if qualifier == self.kind:
            found = dict(self._entries.get(last, {}))
        dist = rest.rpartition(":")[0] if head == self.kind and ":" in rest else qualifier
        entry = self._entries.get(last, {}).get(dist)
        if entry is not None:
            found[dist] = entry
        return list(found.values())

    def entry(self, name: str) -> Entry:
        """The entry of a name.

        Raises:
            UnknownName: no loaded plugin registers it.
            AmbiguousName: more than one distribution does, and the name is not qualified.
        """
        found = self.find(name)
        if len(found) == 1:
            return found[0]
        if found:
            spellings = " or ".join(repr(e.qualified) for e in found)
            raise AmbiguousName(f"The {self.kind} {name!r} is brought by {len(found)} distributions; write {spellings}.")
        raise UnknownName(f"Unknown {self.kind} {name!r}.{did_you_mean(name, self.names())}{self._hint()}")

    def names(self, pattern: str = "*") -> list[str]:
        """Names that match a wildcard pattern, sorted; an ambiguous name appears as its qualified spellings."""
        out = []
        for name, brought in self._entries.items():
            spellings = [name] if len(brought) == 1 else [e.qualified for e in brought.values()]
            out += [s for s in spellings if fnmatchcase(name, pattern) or fnmatchcase(s, pattern)]
        return sorted(out)

    def entries(self) -> list[Entry]:
        """Every entry, sorted by name and distribution."""
        return [e for _, brought in sorted(self._entries.items()) for _, e in sorted(brought.items())]

    def resolve(self, name: str) -> type:
        """Import the class of a name.

        Raises:
            UnknownName, AmbiguousName: see `entry`.
            PluginError: the target cannot be imported, is not a class, or does not subclass the contract.
        """
        entry = self.entry(name)
        if self.base is None:
            raise PluginError(f"The {self.kind} {entry.name!r} stands for {entry.target!r}, which is data and not a class.")
        whose = f"The {self.kind} {entry.name!r} of plugin {entry.plugin!r} ({entry.dist} {entry.version})"
        try:
            cls = _import(entry.target)
        except Exception as exc:
            raise PluginError(f"{whose} cannot be imported from {entry.target!r}: {type(exc).__name__}: {exc}") from exc
        base = _import(self.base)
        if not isinstance(cls, type) or not issubclass(cls, base):
            what = f"the class {cls.__name__}" if isinstance(cls, type) else f"a {type(cls).__name__}"
            raise PluginError(f"{whose} is {what}; expected a subclass of {self.base.replace(':', '.')}.")
        return cls

    def build(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """`resolve(name)(*args, **settings, **kwargs)` with the settings that the name was registered with.

        Raises:
            SettingsError: an argument that the name already fixes, that the class does not take, or that is missing.
        """
        cls, entry = self.resolve(name), self.entry(name)
        twice = sorted(set(entry.settings) & set(kwargs))
        if twice:
            fixed = ", ".join(f"{k}={entry.settings[k]!r}" for k in twice)
            raise SettingsError(f"The {self.kind} {name!r} stands for {fixed}; leave {', '.join(twice)} out, or choose another name.")
        try:
            inspect.signature(cls).bind(*args, **entry.settings, **kwargs)
        except ValueError:  # a class without a Python signature
            pass
        except TypeError as exc:
            raise self._bad_arguments(name, cls, exc) from exc
        try:
            return cls(*args, **entry.settings, **kwargs)
        except TypeError as exc:
            # A class that passes **kwargs on learns only further up, or in the library that it wraps, that nobody takes one of them.
            refused = re.search(r"unexpected keyword argument '(\w+)'", str(exc))
            if refused and refused[1] in kwargs:
                raise self._bad_arguments(name, cls, exc) from exc
            raise

    def _bad_arguments(self, name: str, cls: type, exc: TypeError) -> SettingsError:
        """What Python says about a call, with what the class takes."""
        named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        inits = [inspect.signature(c.__init__) for c in cls.__mro__ if inspect.isfunction(c.__dict__.get("__init__"))]
        takes = list(dict.fromkeys(p.name for s in inits for p in s.parameters.values() if p.kind in named and p.name != "self"))
        refused = re.search(r"unexpected keyword argument '(\w+)'", str(exc))
        near = did_you_mean(refused[1], takes) if refused else ""
        return SettingsError(f"The {self.kind} {name!r}: {exc}.{near} It takes: {', '.join(takes) or 'nothing'}.")


def _import(target: str) -> Any:
    """The object of "module:attribute" (dots allowed in the attribute)."""
    module, _, attribute = target.partition(":")
    found: Any = import_module(module)
    for step in attribute.split("."):
        found = getattr(found, step)
    return found
