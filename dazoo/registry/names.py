"""Recipe names: compose them, parse them back, and say what is wrong with the ones that do not parse.

A name is backbone, GAN and/or method, and scenario, joined by `-`: "fcn-dcgan-dann-gtsrb2india"; the method `source` means no
adaptation. A part is spelt "name"; where that is not enough "dist:name" (two distributions bring it), "kind:name" (a GAN and a method
are called the same) or "kind:dist:name". Distribution names hold `-` themselves, so a name is never cut up by guessing: every reading
whose parts are all registered is found, and there must be one. A name with all its parts spelt "kind:dist:name" has one by construction.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from dazoo.errors import AmbiguousName
from dazoo.errors import DazooError
from dazoo.errors import InvalidName
from dazoo.errors import UnknownName
from dazoo.registry.registry import PART
from dazoo.registry.registry import Registration
from dazoo.registry.registry import Spelling
from dazoo.registry.registry import did_you_mean


if TYPE_CHECKING:
    from dazoo.registry.plugins import Plugins


KINDS = ("backbone", "gan", "method", "scenario")
"""The kinds of a recipe's parts, in the order in which they stand in its name."""

MAX_LENGTH = 200
"""Characters in a name; the longest real ones have about 60."""

_PREFIXES = "Write 'dir:path/to/folder' for a folder or 'hub:user/repo' for a Hub repository."
_ORDER = "expected backbone-gan-method-scenario, with a GAN, a method or both"
_SPELT = re.compile(rf"([a-z0-9-]+:){{0,2}}{PART.pattern}")
_QUALIFIER = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*):")
_TOKENS = [re.compile(rf"(?:{_QUALIFIER.pattern}){{{n}}}[a-z0-9_]+(?=-|\Z)") for n in range(3)]  # a part behind n qualifiers


@dataclass(frozen=True)
class Recipe:
    """Names of the parts, spelt as the registries take them (`zoo.gans.get(recipe.gan)`); None where there is none."""

    backbone: str
    gan: str | None = None
    method: str | None = None
    scenario: str | None = None

    def parts(self) -> dict[str, str]:
        """The parts that are there, by kind, in the order of the name."""
        return {kind: part for kind in KINDS if (part := getattr(self, kind)) is not None}

    def __str__(self) -> str:
        return compose(self)


@dataclass(frozen=True)
class Place:
    """What a reference to a trained model names.

    Attributes:
        scheme: "name", "dir" or "hub".
        text: the name, the folder, or "user/repo".
        revision: what stands behind the "@" of a Hub repository, or None.
    """

    scheme: str
    text: str
    revision: str | None = None


def locate(ref: str | os.PathLike[str]) -> Place:
    """Tell a name from a folder and from a Hub repository; nothing else in dazoo decides that.

    A path object is a folder, whether it exists or not. A string says what it is by its prefix, "dir:" or "hub:". Without one it is a
    folder if it holds a separator and that folder exists: names hold none, so a folder beside the program never hides an entry.

    Raises:
        InvalidName: a path or an address without its prefix, or nothing behind the prefix or behind "@".
    """
    if isinstance(ref, os.PathLike):
        return Place("dir", os.fsdecode(ref))
    if isinstance(ref, str) and ref.startswith(("dir:", "hub:")):
        scheme, _, rest = ref.partition(":")
        if not rest:
            raise InvalidName(f"{ref!r} ends after its prefix. {_PREFIXES}")
        if scheme == "dir":
            return Place(scheme, rest)
        repo, at, revision = rest.partition("@")
        if at and not revision:
            raise InvalidName(f"{ref!r} ends after '@'; write the revision behind it, or leave the '@' out.")
        return Place(scheme, repo, revision or None)
    if isinstance(ref, str) and ("/" in ref or "\\" in ref):
        if os.path.isdir(os.path.expanduser(ref)):
            return Place("dir", ref)
        repo = ref if re.fullmatch(r"[\w.-]+/[\w.-]+", ref) else "user/repo"
        raise InvalidName(f"{ref!r} is no folder that exists. {_PREFIXES.replace('user/repo', repo)}")
    check(ref)
    return Place("name", ref)


def check(name: str) -> None:
    """Refuse what cannot be a name whatever is installed.

    Raises:
        InvalidName: empty or over-long, a path or an address, or characters outside the grammar.
    """
    if not isinstance(name, str):
        raise InvalidName(f"A name is a string such as 'fcn-dann-gtsrb2india'; got {type(name).__name__}.")
    if not name:
        raise InvalidName("The name is empty; expected something like 'fcn-dann-gtsrb2india'. 'dazoo list' shows what there is.")
    if len(name) > MAX_LENGTH:
        raise InvalidName(f"{name[:40]!r}... has {len(name)} characters; a name has at most {MAX_LENGTH}.")
    if "/" in name or "\\" in name:
        raise InvalidName(f"{name!r} looks like a path or an address, not a name. {_PREFIXES}")
    if not re.fullmatch(r"[a-z0-9_:-]+", name):
        tidy = re.sub(r"\s+", "", name.lower())
        advice = f" Did you mean {tidy!r}?" if re.fullmatch(r"[a-z0-9_:-]+", tidy) else f" {_PREFIXES}"
        raise InvalidName(f"{name!r} is no name: names are lower-case letters, digits and '_', with '-' between the parts.{advice}")


def compose(recipe: Recipe) -> str:
    """The recipe's name. `parse` gives the recipe back."""
    return "-".join(recipe.parts().values())


def adapts(recipe: Recipe, plugins: Plugins) -> bool:
    """Whether a recipe does more than train on the source.

    Raises:
        UnknownName, PluginError: its method is not installed, or cannot be loaded.
    """
    return recipe.gan is not None or recipe.method is not None and plugins.methods.resolve(recipe.method).adapts


def parse(name: str, zoo: Plugins) -> Recipe:
    """The recipe of a name, its parts spelt as shortly as the installed plugins allow.

    Args:
        name: such as "fcn-dcgan-dann-gtsrb2india"; the scenario may be missing (a person's own data).
        zoo: the plugins in which its parts are looked up.

    Raises:
        InvalidName: breaks the grammar, or its parts make no recipe.
        UnknownName: a part that no loaded plugin registers.
        AmbiguousName: it can be read in two ways; the message gives the spellings.
    """
    check(name)
    found = _pick(_readings(name, zoo))
    if not found:
        raise _why_not(name, zoo)
    if len(found) > 1:
        ways = " or ".join(repr(compose(_spell(reading, zoo))) for reading in found)
        raise AmbiguousName(f"{name!r} can be read in {len(found)} ways; write {ways}.")
    return _spell(found[0], zoo)


Reading = dict[str, Registration]
"""The registration of each part of a name, by kind."""


def _readings(name: str, zoo: Plugins) -> Iterator[tuple[Reading, bool]]:
    """Every way to read a name as registered parts in order, and whether each part is spelt in full (kind and distribution)."""
    registries = zoo.registries()

    def walk(position: int, first_kind: int, so_far: Reading, full: bool) -> Iterator[tuple[Reading, bool]]:
        if position > len(name):
            if "gan" in so_far or "method" in so_far:
                yield so_far, full
            return
        for end, spelt in _tokens(name, position):
            for k in range(first_kind, len(KINDS)):
                kind = KINDS[k]
                if (k > 0 and not so_far) or spelt.kind not in (None, kind):
                    continue
                for found in registries[kind].find(spelt.name):
                    if spelt.dist in (None, found.dist):
                        yield from walk(end + 1, k + 1, {**so_far, kind: found}, full and None not in (spelt.kind, spelt.dist))

    yield from walk(0, 0, {}, True)


def _tokens(name: str, position: int) -> Iterator[tuple[int, Spelling]]:
    """Every part that may begin at a position: where it ends, and a reading of it."""
    for pattern in _TOKENS:
        if token := pattern.match(name, position):
            for spelling in Spelling.parse(token[0], KINDS):
                yield token.end(), spelling


def _pick(readings: Iterable[tuple[Reading, bool]]) -> list[Reading]:
    """The different readings of a name; the one spelt in full goes before all others."""
    everything = list(readings)
    wanted = [reading for reading, full in everything if full] or [reading for reading, _ in everything]
    return [reading for i, reading in enumerate(wanted) if reading not in wanted[:i]]


def _spell(reading: Reading, zoo: Plugins) -> Recipe:
    """The recipe whose parts are spelt as shortly as the whole name can be and still be read as meant."""
    ways = {kind: (r.name, r.qualified, f"{kind}:{r.name}", f"{kind}:{r.qualified}") for kind, r in reading.items()}
    choices = sorted(product(range(4), repeat=len(ways)), key=lambda c: (sum(c), c))
    recipes = (Recipe(**{kind: ways[kind][i] for kind, i in zip(ways, choice, strict=True)}) for choice in choices)
    return next(r for r in recipes if _pick(_readings(compose(r), zoo)) == [reading])


def _why_not(name: str, zoo: Plugins) -> DazooError:
    """The error for a name without a reading: which part is unknown, misplaced or missing."""
    registries = zoo.registries()
    words = _split(name, zoo)
    kinds = [[k for k in KINDS if registries[k].find(word)] for word in words]
    unknown, strange = [], False
    for i, word in enumerate(words):
        qualifier, _, plain = word.rpartition(":")
        if not _SPELT.fullmatch(word):
            return InvalidName(f"{name!r}: the part {word!r} does not follow the grammar: letters and digits, joined by single '_'.")
        if kinds[i]:
            continue
        roles = ("backbone",) if i == 0 else ("gan", "method", "scenario") if i == len(words) - 1 else ("gan", "method")
        known = [r for k in roles for r in registries[k].registrations()]
        same = [r.qualified for r in known if r.name == plain]  # the name is right and the qualifier is not
        near = f" Did you mean {_or([repr(s) for s in same])}?" if same else ""
        near = near or did_you_mean(word, [r.qualified if qualifier else r.name for r in known])
        unknown.append(f"Unknown {_or(roles)} {word!r}.{near}")
        strange = strange or qualifier not in ("", *KINDS, *(r.dist for registry in registries.values() for r in registry.registrations()))
    if unknown:
        return UnknownName(f"{name!r}: {' '.join(unknown)}{f' {_PREFIXES}' if strange else ''}{zoo.hint()}")
    listed = ", ".join(f"{word!r} is a {_or(k)}" for word, k in zip(words, kinds, strict=True))
    order = sorted(words, key=lambda w: KINDS.index(kinds[words.index(w)][0]))
    with_source = [words[0], "source", *words[1:]]
    for other in (order, with_source):
        if _pick(_readings("-".join(other), zoo)):
            return InvalidName(f"{name!r} is no recipe: {listed}; {_ORDER}. Did you mean {'-'.join(other)!r}?")
    return InvalidName(f"{name!r} is no recipe: {listed}; {_ORDER}.")


def _split(name: str, zoo: Plugins) -> list[str]:
    """Cut a name into parts for a message: at every `-` that is not inside a distribution's name.

    A distribution that nobody knows begins where the known parts before it end, so that the message can show it whole.
    """
    registries = zoo.registries()
    dists = {r.dist for registry in registries.values() for r in registry.registrations()}
    dists |= {loaded.dist for loaded in zoo.loaded.values()}
    words, position = [], 0
    while position < len(name):
        start = position
        while qualifier := _QUALIFIER.match(name, position):
            first = qualifier[1].partition("-")[0]
            cut = any(registries[k].find(first) for k in KINDS) or any(qualifier[1].endswith(f"-{d}") for d in dists)
            if qualifier[1] not in (*dists, *KINDS, first) and cut:
                break
            position = qualifier.end()
        end = name.find("-", position)
        position = len(name) if end < 0 else end + 1
        words.append(name[start : len(name) if end < 0 else end])
    return [*words, ""] if name.endswith("-") else words


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
