"""Recipe names: compose them, parse them back, and say what is wrong with the ones that do not parse.

A name is backbone, GAN and/or method, and scenario, joined by `-`: "fcn-dcgan-dann-gtsrb2india"; the method `source` means no
adaptation. A part is spelt "name"; where that is not enough "dist:name" (two distributions bring it), "kind:name" (a GAN and a method
are called the same) or "kind:dist:name". Distribution names hold `-` themselves, so a name is never cut up by guessing: every reading
whose parts are all registered is found, and there must be one. A name with all its parts spelt "kind:dist:name" has one by construction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING
from typing import NoReturn

from dazoo.errors import AmbiguousName
from dazoo.errors import InvalidName
from dazoo.errors import UnknownName
from dazoo.registry import PART
from dazoo.registry import Entry
from dazoo.registry import did_you_mean


if TYPE_CHECKING:
    from dazoo.plugins import Plugins


KINDS = ("backbone", "gan", "method", "scenario")
"""The kinds of a recipe's parts, in the order in which they stand in its name."""

_WORD = re.compile(r"[a-z0-9_]+")
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
    """Tell a name from a folder and a Hub repository.

    Raises:
        InvalidName: a path or an address without its prefix.
    """
    for scheme in ("dir", "hub"):
        if text.startswith(f"{scheme}:"):
            rest = text[len(scheme) + 1 :]
            if not rest:
                raise InvalidName(f"{text!r} ends after its prefix; write {_EXAMPLE[scheme]}.")
            return Place(scheme, rest)
    check(text)
    return Place("name", text)


_EXAMPLE = {"dir": "'dir:path/to/folder'", "hub": "'hub:user/repo'"}


def check(name: str) -> None:
    """Refuse what cannot be a name whatever is installed.

    Raises:
        InvalidName: empty, a path or an address, or characters outside the grammar.
    """
    if not isinstance(name, str):
        raise InvalidName(f"A name is a string such as 'fcn-dann-gtsrb2india'; got {type(name).__name__}.")
    if not name:
        raise InvalidName("The name is empty; expected something like 'fcn-dann-gtsrb2india'. 'dazoo list' shows what there is.")
    if "/" in name or "\\" in name or re.match(r"[A-Za-z]:$|[A-Za-z]:[^a-z0-9]", name):
        raise InvalidName(
            f"{name!r} looks like a path or an address. Write 'dir:{name}' for a folder or 'hub:{name}' for a Hub repository."
        )
    if name != name.strip() or not re.fullmatch(r"[a-z0-9_:-]+", name):
        lower = re.sub(r"\s+", "", name.lower())
        advice = f" Did you mean {lower!r}?" if re.fullmatch(r"[a-z0-9_:-]+", lower) else ""
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
        from dazoo.plugins import zoo as installed

        zoo = installed()
    check(name)
    found = _pick(list(_readings(name, zoo)))
    if found is None:
        _explain(name, zoo)
    if len(found) > 1:
        raise AmbiguousName(f"{name!r} can be read in {len(found)} ways; write {' or '.join(repr(_shortest(r, zoo)) for r in found)}.")
    return _recipe(_spellings(found[0], zoo))


Reading = dict[str, Entry]


def _recipe(parts: dict[str, str]) -> Recipe:
    return Recipe(**parts)


def _shortest(reading: Reading, zoo: Plugins) -> str:
    return "-".join(_spellings(reading, zoo).values())


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


def _pick(readings: list[tuple[Reading, bool]]) -> list[Reading] | None:
    """The different readings of a name; the one spelt in full goes before all others."""
    for wanted in ([r for r, full in readings if full], [r for r, _ in readings]):
        if wanted:
            return [r for i, r in enumerate(wanted) if r not in wanted[:i]]
    return None


def _spellings(reading: Reading, zoo: Plugins) -> dict[str, str]:
    """The shortest spelling of each part with which the whole name is read as meant."""
    ways = {kind: (e.name, e.qualified, f"{kind}:{e.name}", f"{kind}:{e.qualified}") for kind, e in reading.items()}
    for choice in sorted(product(range(4), repeat=len(ways)), key=lambda c: (sum(c), c)):
        spelt = {kind: ways[kind][i] for kind, i in zip(ways, choice, strict=True)}
        if _pick(list(_readings("-".join(spelt.values()), zoo))) == [reading]:
            return spelt
    raise AssertionError("a name spelt in full has one reading")


def _explain(name: str, zoo: Plugins) -> NoReturn:
    """Say why a name has no reading: which part is unknown, in the wrong place, or missing."""
    registries = zoo.registries()
    example = "expected backbone-gan-method-scenario, with a GAN, a method or both"
    words = _split(name, zoo)
    known = {w: [k for k in KINDS if registries[k].find(w)] for w in words}
    problems = []
    for i, word in enumerate(words):
        if known[word]:
            continue
        bare = word.rpartition(":")[2]
        if not PART.fullmatch(bare):
            raise InvalidName(f"{name!r}: the part {bare!r} does not follow the grammar (letters and digits, joined by single '_').")
        roles = ("backbone",) if i == 0 else ("gan", "method", "scenario") if i == len(words) - 1 else ("gan", "method")
        candidates = [n for k in roles for n in registries[k].names()]
        problems.append(f"Unknown {_or(roles)} {word!r}.{did_you_mean(word, candidates)}")
    if problems:
        advice = " For a folder write 'dir:...', for a Hub repository 'hub:user/repo'." if ":" in name else ""
        raise UnknownName(f"{name!r}: {' '.join(problems)}{advice}{zoo.hint()}")
    kinds = [" or ".join(known[w]) for w in words]
    listed = ", ".join(f"{w!r} is a {k}" for w, k in zip(words, kinds, strict=True))
    if not any({"gan", "method"} & set(known[w]) for w in words):
        suggestion = "-".join([words[0], "source", *words[1:]])
        raise InvalidName(f"{name!r} names neither a GAN nor a method ({listed}); {example}. For no adaptation write {suggestion!r}.")
    order = sorted(words, key=lambda w: KINDS.index(known[w][0]))
    again = f" Did you mean {'-'.join(order)!r}?" if order != words and _pick(list(_readings("-".join(order), zoo))) else ""
    raise InvalidName(f"{name!r} is no recipe: {listed}; {example}.{again}")


def _split(name: str, zoo: Plugins) -> list[str]:
    """Cut a name into parts for a message; a qualifier is the longest known distribution before a colon."""
    dists = (
        {e.dist for registry in zoo.registries().values() for e in registry.entries()} | {r.dist for r in zoo.loaded.values()} | set(KINDS)
    )
    pieces: list[str] = []
    for piece in name.split("-"):
        pieces.append(piece)
        while ":" in piece and len(pieces) > 1 and piece.partition(":")[0] not in dists:
            longest = next((i for i in range(len(pieces)) if "-".join(pieces[i:]).partition(":")[0] in dists), None)
            if longest is None or longest == len(pieces) - 1:
                break
            pieces[longest:] = ["-".join(pieces[longest:])]
            break
    return pieces


def _or(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
