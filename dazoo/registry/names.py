"""Recipe names: compose them, parse them back, and say what is wrong with the ones that do not parse.

A name is backbone, GAN and/or method, and scenario, joined by `-`: "fcn-dcgan-dann-gtsrb2india"; the method `source` means no
adaptation. A part is spelt "name"; where that is not enough "dist:name" (two distributions bring it), "kind:name" (a GAN and a method
are called the same) or "kind:dist:name". Distribution names hold `-` themselves, so a name is never cut up by guessing: every reading
whose parts are all registered is found, and there must be one. A name with all its parts spelt "kind:dist:name" has one by construction.
"""

from __future__ import annotations

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
from dazoo.registry.registry import Entry
from dazoo.registry.registry import did_you_mean


if TYPE_CHECKING:
    from dazoo.registry.plugins import Plugins


KINDS = ("backbone", "gan", "method", "scenario")
"""The kinds of a recipe's parts, in the order in which they stand in its name."""

MAX_LENGTH = 200
"""Characters in a name; the longest real ones have about 60."""

_PREFIXES = "Write 'dir:path/to/folder' for a folder or 'hub:user/repo' for a Hub repository."
_ORDER = "expected backbone-gan-method-scenario, with a GAN, a method or both"
_WORD = re.compile(r"[a-z0-9_]+")
_SPELT = re.compile(rf"([a-z0-9-]+:){{0,2}}{PART.pattern}")
_QUALIFIER = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*):")


@dataclass(frozen=True)
class Recipe:
    """Names of the parts, spelt as the registries take them (`zoo.gans.entry(recipe.gan)`); None where there is none."""

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
    """What `dazoo.load` was given: `scheme` "name", "dir" or "hub", and the text behind the prefix."""

    scheme: str
    text: str


def locate(text: str) -> Place:
    """Tell a name from a folder and a Hub repository by the prefix "dir:" or "hub:".

    Raises:
        InvalidName: a path or an address without its prefix, or nothing behind the prefix.
    """
    if isinstance(text, str) and text.startswith(("dir:", "hub:")):
        scheme, _, rest = text.partition(":")
        if not rest:
            raise InvalidName(f"{text!r} ends after its prefix. {_PREFIXES}")
        return Place(scheme, rest)
    check(text)
    return Place("name", text)


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


def parse(name: str, zoo: Plugins | None = None) -> Recipe:
    """The recipe of a name, its parts spelt as shortly as the installed plugins allow.

    Args:
        name: such as "fcn-dcgan-dann-gtsrb2india"; the scenario may be missing (a person's own data).
        zoo: where parts are looked up; the installed plugins unless given.

    Raises:
        InvalidName: breaks the grammar, or its parts make no recipe.
        UnknownName: a part that no loaded plugin registers.
        AmbiguousName: it can be read in two ways; the message gives the spellings.
    """
    if zoo is None:
        from dazoo.registry.plugins import zoo as installed

        zoo = installed()
    check(name)
    found = _pick(_readings(name, zoo))
    if not found:
        raise _why_not(name, zoo)
    if len(found) > 1:
        ways = " or ".join(repr(compose(_spell(reading, zoo))) for reading in found)
        raise AmbiguousName(f"{name!r} can be read in {len(found)} ways; write {ways}.")
    return _spell(found[0], zoo)


Reading = dict[str, Entry]
"""The entry of each part of a name, by kind."""


def _readings(name: str, zoo: Plugins) -> Iterator[tuple[Reading, bool]]:
    """Every way to read a name as registered parts in order, and whether each part is spelt in full (kind and distribution)."""
    registries = zoo.registries()

    def walk(position: int, first_kind: int, so_far: Reading, full: bool) -> Iterator[tuple[Reading, bool]]:
        if position > len(name):
            if "gan" in so_far or "method" in so_far:
                yield so_far, full
            return
        for end, kind_word, dist, word in _tokens(name, position):
            for k in range(first_kind, len(KINDS)):
                kind = KINDS[k]
                if (k > 0 and not so_far) or kind_word not in (None, kind):
                    continue
                for entry in registries[kind].find(word):
                    if dist in (None, entry.dist):
                        yield from walk(end + 1, k + 1, {**so_far, kind: entry}, full and None not in (kind_word, dist))

    yield from walk(0, 0, {}, True)


def _tokens(name: str, position: int) -> Iterator[tuple[int, str | None, str | None, str]]:
    """Every part that may begin at a position: its end, its kind word, its distribution and its plain name."""
    starts: list[tuple[int, str | None, str | None]] = [(position, None, None)]
    qualifier = _QUALIFIER.match(name, position)
    if qualifier:
        starts.append((qualifier.end(), None, qualifier[1]))
        if qualifier[1] in KINDS:
            starts.append((qualifier.end(), qualifier[1], None))
            second = _QUALIFIER.match(name, qualifier.end())
            if second:
                starts.append((second.end(), qualifier[1], second[1]))
    for start, kind_word, dist in starts:
        word = _WORD.match(name, start)
        if word and (word.end() == len(name) or name[word.end()] == "-"):
            yield word.end(), kind_word, dist, word[0]


def _pick(readings: Iterable[tuple[Reading, bool]]) -> list[Reading]:
    """The different readings of a name; the one spelt in full goes before all others."""
    everything = list(readings)
    wanted = [reading for reading, full in everything if full] or [reading for reading, _ in everything]
    return [reading for i, reading in enumerate(wanted) if reading not in wanted[:i]]


def _spell(reading: Reading, zoo: Plugins) -> Recipe:
    """The recipe whose parts are spelt as shortly as the whole name can be and still be read as meant."""
    ways = {kind: (e.name, e.qualified, f"{kind}:{e.name}", f"{kind}:{e.qualified}") for kind, e in reading.items()}
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
        entries = [e for k in roles for e in registries[k].entries()]
        same = [e.qualified for e in entries if e.name == plain]  # the name is right and the qualifier is not
        near = f" Did you mean {_or([repr(s) for s in same])}?" if same else ""
        unknown.append(
            f"Unknown {_or(roles)} {word!r}.{near or did_you_mean(word, [e.qualified if qualifier else e.name for e in entries])}"
        )
        strange = strange or (qualifier not in ("", *KINDS) and all(e.dist != qualifier for r in registries.values() for e in r.entries()))
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
    dists = {entry.dist for registry in registries.values() for entry in registry.entries()}
    dists |= {record.dist for record in zoo.loaded.values()}
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
