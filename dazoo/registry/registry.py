"""Names and what they stand for: lazy targets "module:attribute", who brought them, and what to say when one is missing.

Example:
    >>> numbers: Registry[object] = Registry("number", "numbers:Number")
    >>> numbers.add(Registration("number", "half", "fractions:Fraction", {"denominator": 2}, dist="standard"))
    >>> numbers.resolve("half").__name__, numbers.build("half", numerator=1)
    ('Fraction', Fraction(1, 2))
    >>> numbers.get("standard:half").target
    'fractions:Fraction'
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable
from collections.abc import Container
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from fnmatch import fnmatchcase
from pkgutil import resolve_name
from typing import Any
from typing import Generic
from typing import TypeVar
from typing import cast

from dazoo.contracts.origin import note
from dazoo.errors import AmbiguousName
from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName


T = TypeVar("T")

PART = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
"""Grammar of one part's name; `-` is free as the joint of recipe names."""

FEW = 12
"""Names that a message lists where none is near to a wrong one."""

RECIPE = re.compile(rf"{PART.pattern}(-{PART.pattern})*")
"""Grammar of an entry's name."""


@dataclass(frozen=True)
class Registration:
    """One registered name.

    Attributes:
        kind: "backbone", "gan", "bridge", "method", "dataset", "scenario", "augmentation", "validator", "executor", "logger" or "entry".
        name: plain name.
        target: "module:attribute" of the class; for an entry "package:folder" or "hub:user/repo@revision".
        arguments: constructor keyword arguments that the name stands for.
        plugin: entry point that brought it.
        dist: its distribution, normalised (`dazoo-backbones`).
        version: the distribution's version.
        summary: one line for listings.
        wraps: distribution whose code it wraps (`timm`): its version is part of a cell's identity, or an empty string.
        start: rank of a backbone among those that a person who names none may get; 0 offers it to nobody.
    """

    kind: str
    name: str
    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    plugin: str = ""
    dist: str = ""
    version: str = ""
    summary: str = ""
    wraps: str = ""
    start: int = 0

    @property
    def qualified(self) -> str:
        """The spelling that stays unique when another distribution brings the same name."""
        return f"{self.dist}:{self.name}"

    @property
    def called(self) -> str:
        """What messages call it: "method 'dann' of dazoo-methods 0.1.0"."""
        return f"{self.kind} {self.name!r} of {self.dist} {self.version}".rstrip()


@dataclass(frozen=True)
class Spelling:
    """One reading of a name as a person writes it; None where the kind or the distribution is not written."""

    kind: str | None
    dist: str | None
    name: str

    @classmethod
    def parse(cls, text: str, kinds: Container[str]) -> list[Spelling]:
        """Every reading of "name", "dist:name", "kind:name" or "kind:dist:name"; a distribution may be called like a kind.

        Example:
            >>> [(s.kind, s.dist) for s in Spelling.parse("gan:dann", ("gan", "method"))]
            [(None, 'gan'), ('gan', None)]
        """
        *qualifiers, name = text.split(":")
        if not qualifiers:
            return [cls(None, None, name)]
        head, known = qualifiers[0], qualifiers[0] in kinds
        if len(qualifiers) == 1:
            return [cls(None, head, name), *([cls(head, None, name)] if known else [])]
        return [cls(head, qualifiers[1], name)] if known and len(qualifiers) == 2 else []


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """ " Did you mean 'x' or 'y'?" for the nearest names, or an empty string."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""


def tidied(name: Any, grammar: re.Pattern[str]) -> str:
    """ "; did you mean 'my_net'?" for a name that can be mended, or an empty string."""
    if not isinstance(name, str):
        return ""
    joints = "_" if grammar is PART else "_-"
    tidy = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    tidy = re.sub(rf"[^a-z0-9{joints}]+", "_", tidy)
    tidy = re.sub(r"_*-_*", "-", re.sub(r"_+", "_", tidy)).strip(joints)
    return f"; did you mean {tidy!r}?" if grammar.fullmatch(tidy) else ""


class Registry(Generic[T]):
    """Registrations of one kind, whose classes are subclasses of T.

    Args:
        kind: what messages call it.
        base: "module:Class" that every target must subclass, or None where targets are not classes.
        hint: called for the end of an unknown-name message (which plugins failed to load).
    """

    def __init__(self, kind: str, base: str | None = None, hint: Callable[[], str] = lambda: "") -> None:
        self.kind, self.base = kind, base
        self._hint = hint
        self._brought: dict[str, dict[str, Registration]] = {}  # by name, then by distribution

    def __len__(self) -> int:
        return sum(len(brought) for brought in self._brought.values())

    def __contains__(self, name: str) -> bool:
        return len(self.find(name)) == 1

    def add(self, registration: Registration) -> None:
        """Add a name. One that another distribution has already becomes ambiguous, not overwritten.

        Raises:
            PluginError: the same distribution has brought the name already, so no spelling could tell them apart.
        """
        name, dist = registration.name, registration.dist
        brought = self._brought.setdefault(name, {})
        if dist in brought:
            plugins = f"{brought[dist].plugin!r}, {registration.plugin!r}"
            raise PluginError(f"{dist} registers the {self.kind} {name!r} twice (plugins {plugins}); rename one.")
        brought[dist] = registration

    def find(self, name: str) -> list[Registration]:
        """Every registration that a spelling may mean: "name", "dist:name", "kind:name" or "kind:dist:name"."""
        found = {}
        for spelling in Spelling.parse(name, (self.kind,)):
            for dist, registration in self._brought.get(spelling.name, {}).items():
                if spelling.dist in (None, dist):
                    found[dist] = registration
        return list(found.values())

    def get(self, name: str) -> Registration:
        """The registration of a name.

        Raises:
            UnknownName: no loaded plugin registers it.
            AmbiguousName: more than one distribution does, and the name is not qualified.
        """
        found = self.find(name)
        if len(found) == 1:
            return found[0]
        if found:
            spellings = " or ".join(repr(r.qualified) for r in found)
            raise AmbiguousName(f"The {self.kind} {name!r} is brought by {len(found)} distributions; write {spellings}.")
        near, known = did_you_mean(name, self.names()), ", ".join(self.names())
        raise UnknownName(
            f"Unknown {self.kind} {name!r}.{near or (f' Expected one of {known}.' if 0 < len(self) <= FEW else '')}{self._hint()}"
        )

    def names(self, pattern: str = "*") -> list[str]:
        """Names that match a wildcard pattern, sorted; an ambiguous name appears as its qualified spellings."""
        out: list[str] = []
        for name, brought in self._brought.items():
            spellings = [name] if len(brought) == 1 else [r.qualified for r in brought.values()]
            out += [s for s in spellings if fnmatchcase(name, pattern) or fnmatchcase(s, pattern)]
        return sorted(out)

    def registrations(self) -> list[Registration]:
        """Every registration, sorted by name and distribution."""
        return [r for _, brought in sorted(self._brought.items()) for _, r in sorted(brought.items())]

    def resolve(self, name: str) -> type[T]:
        """Import the class of a name.

        Raises:
            UnknownName, AmbiguousName: see `get`.
            PluginError: the target cannot be imported, is not a class, or does not subclass the contract.
        """
        found = self.get(name)
        if self.base is None:
            raise PluginError(f"The {self.kind} {found.name!r} stands for {found.target!r}, which is data and not a class.")
        whose = f"The {self.kind} {found.name!r} of plugin {found.plugin!r} ({found.dist} {found.version})"
        try:
            cls = resolve_name(found.target)
        except Exception as exc:
            raise PluginError(f"{whose} cannot be imported from {found.target!r}: {type(exc).__name__}: {exc}") from exc
        if not isinstance(cls, type) or not issubclass(cls, resolve_name(self.base)):
            what = f"the class {cls.__name__}" if isinstance(cls, type) else f"a {type(cls).__name__}"
            raise PluginError(f"{whose} is {what}; expected a subclass of {self.base.replace(':', '.')}.")
        return cast(type[T], cls)

    def check(self, name: str) -> None:
        """Import the class of a name, and hold the arguments that it was registered with against what the class takes.

        Raises:
            UnknownName, AmbiguousName, PluginError: see `resolve`.
            SettingsError: an argument that the class does not take.
        """
        cls, fixed = self.resolve(name), self.get(name).arguments
        try:
            takes = inspect.signature(cls)
        except ValueError:  # a class without a Python signature
            return
        try:
            takes.bind_partial(**fixed)
        except TypeError as exc:
            raise self._bad_arguments(name, cls, exc) from exc

    def origin(self, name: str) -> str:
        """Where the code of a name is: "file:line" of its class; the target where that is data or has no source file.

        Raises:
            UnknownName, AmbiguousName, PluginError: see `resolve`.
        """
        target = self.get(name).target
        if self.base is None:
            return target
        cls = self.resolve(name)
        try:
            return f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]}"
        except (OSError, TypeError):
            return target

    def build(self, name: str, *args: Any, **kwargs: Any) -> T:
        """`resolve(name)(*args, **arguments, **kwargs)` with the arguments that the name was registered with.

        Raises:
            SettingsError: an argument that the name already fixes, that the class does not take, or that is missing.
        """
        cls, found = self.resolve(name), self.get(name)
        fixed = found.arguments
        twice = sorted(set(fixed) & set(kwargs))
        if twice:
            values = ", ".join(f"{k}={fixed[k]!r}" for k in twice)
            raise SettingsError(f"The {self.kind} {name!r} stands for {values}; leave {', '.join(twice)} out, or choose another name.")
        try:
            inspect.signature(cls).bind(*args, **fixed, **kwargs)
        except ValueError:  # a class without a Python signature
            pass
        except TypeError as exc:
            raise self._bad_arguments(name, cls, exc) from exc
        try:
            built = cls(*args, **fixed, **kwargs)
            note(built, found.called)
            return built
        except TypeError as exc:
            # A class that passes **kwargs on learns only further up, or in the library that it wraps, that nobody takes one of them.
            refused = re.search(r"unexpected keyword argument '(\w+)'", str(exc))
            if refused and refused[1] in kwargs:
                raise self._bad_arguments(name, cls, exc) from exc
            raise

    def _bad_arguments(self, name: str, cls: type, exc: TypeError) -> SettingsError:
        """What Python says about a call, with what the class takes."""
        named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        inits = [inspect.signature(init) for c in cls.__mro__ if inspect.isfunction(init := vars(c).get("__init__"))]
        takes = list(dict.fromkeys(p.name for s in inits for p in s.parameters.values() if p.kind in named and p.name != "self"))
        refused = re.search(r"unexpected keyword argument '(\w+)'", str(exc))
        takes = [argument for argument in takes if not refused or argument != refused[1]]  # a base class may take it
        near = did_you_mean(refused[1], takes) if refused else ""
        return SettingsError(f"The {self.kind} {name!r}: {exc}.{near} It takes: {', '.join(takes) or 'nothing'}.")
