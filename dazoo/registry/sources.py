"""Names in a library's sources: what a plugin that wraps the library registers, without importing it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path


_BUILDER = re.compile(r"(?:@.*\n)*def (\w+)")
_KEY = re.compile(r"""^[ \t]+["'](\w+)(?:\.\w+)?["'][ \t]*:""", re.MULTILINE)


def decorated(package: str, folder: str, decorator: str) -> list[str]:
    """Names of the functions that a decorator marks, sorted; the library is found but not imported (that may take seconds).

    Args:
        package: a top-level package, such as "timm".
        folder: which of its folders to read; folders inside it are not.
        decorator: the line before each function without the "@", such as "register_model".

    Returns:
        Empty when the package is not installed or has no source files beside it.

    Example:
        >>> decorated("a_package_that_is_not_installed", "models", "register_model")
        []
    """
    names: list[str] = []
    for text in _texts(package, folder):
        parts = text.split(f"\n@{decorator}\n")
        names += [m[1] for m in map(_BUILDER.match, parts[1:]) if m]
    return sorted(names)


def keyed(package: str, folder: str, names: Collection[str], holds: str) -> dict[str, bool]:
    """Which names are keys of dictionaries in a library's sources, and whether what stands under one of their keys holds a pattern.

    A key is a string that opens a line; what follows its first dot is a variant of the name ("resnet18.a1_in1k"). So a plugin tells, say,
    the networks that have no weights: those that are here with False. A name that is not here has its dictionary written otherwise.

    Args:
        package, folder: see `decorated`.
        names: the names to look for; other keys do not end what stands under one.
        holds: regular expression that is searched for between a key and the next.

    Example:
        >>> keyed("a_package_that_is_not_installed", "models", ["resnet18"], "url=")
        {}
    """
    known, pattern = frozenset(names), re.compile(holds)
    found: dict[str, bool] = {}
    for text in _texts(package, folder):
        keys = [m for m in _KEY.finditer(text) if m[1] in known]
        for key, after in zip_longest(keys, keys[1:]):
            end = after.start() if after else len(text)
            found[key[1]] = found.get(key[1], False) or pattern.search(text, key.end(), end) is not None
    return found


def _texts(package: str, folder: str) -> Iterator[str]:
    spec = importlib.util.find_spec(package)
    for root in (spec.submodule_search_locations or []) if spec else []:
        for file in Path(root, folder).glob("*.py"):
            yield file.read_text(encoding="utf-8")
