"""Names of classes: what a folder's name says, and which of two spellings a person reads as one class."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable
from collections.abc import Sequence

from dazoo.errors import DataError
from dazoo.streams import one_line


def class_name(folder: str) -> str:
    """The class that a folder's name says, as text that every record, table and terminal takes.

    Letters with marks are composed (NFC), so a folder from macOS and one from Linux say the same. Bytes that are no UTF-8, control
    characters and marks that turn the direction of text are spelled out (`caf\\xe9`).
    """
    return one_line(unicodedata.normalize("NFC", folder))


def read_as(name: str) -> str:
    """What two names have in common that a person reads as one: without case, width, kind and number of spaces, and marks of no width."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join("".join(c for c in text if unicodedata.category(c) != "Cf").split())


def matched(names: Iterable[str], known: Sequence[str]) -> dict[str, str]:
    """The known class of each name that has one: the same name, else the only one that a person reads as the same.

    Raises:
        DataError: a name that reads like several known classes and is none of them.
    """
    alike: dict[str, list[str]] = {}
    for one in known:
        alike.setdefault(read_as(one), []).append(one)
    exact, found = set(known), {}
    for name in names:
        own = class_name(name)
        near = [own] if own in exact else alike.get(read_as(own), [])
        if len(near) > 1:
            raise DataError(f"{own!r} could be each of the classes {some(map(repr, near))}; give it the exact name of one of them.")
        if near:
            found[name] = near[0]
    return found


def spelled_alike(names: Sequence[str]) -> str:
    """Those of different names that a person reads as the same, for a message; nothing where there are none."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(read_as(name), []).append(name)
    return some(" and ".join(map(repr, those)) for those in alike.values() if len(those) > 1)


def tell_spellings(where: object, found: dict[str, str]) -> None:
    """Warn of names that were taken for a class with another spelling."""
    differ = [f"{class_name(name)!r} for {known!r}" for name, known in found.items() if class_name(name) != known]
    if differ:
        warnings.warn(f"{where}: names in another spelling were taken for classes: {some(differ)}.", stacklevel=3)


def some(names: Iterable[str], most: int = 8) -> str:
    """Names for a message: the first ones, and how many more."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
