"""Strict reading of JSON values: each function takes a field out of an object, or raises `Wrong` with what was found and expected."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import numpy as np

from dazoo.plain import shown


MOST = 2**53
"""Largest whole number that every JSON reader keeps exactly."""

DEPTH = 8
"""Levels of nesting in an identity; those that dazoo writes have three."""

_LARGEST = sys.float_info.max


class Wrong(ValueError):
    """A field that is not what it should be."""


def mapping(tree: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object."""
    value = tree.get(key)
    if type(value) is not dict:
        raise _wrong(tree, key, "an object")
    return value


def entries(tree: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of objects."""
    value = tree.get(key)
    if type(value) is not list or not all(type(v) is dict for v in value):
        raise _wrong(tree, key, "a list of objects")
    return value


def names(tree: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of texts, none of them twice."""
    value = tree.get(key)
    if type(value) is not list or not all(type(v) is str for v in value) or len(set(value)) < len(value):
        raise _wrong(tree, key, "a list of different texts")
    return tuple(value)


def text(tree: Mapping[str, Any], key: str, pattern: re.Pattern[str] | None = None, none: bool = False) -> Any:
    """A text, which matches a regular expression as a whole if there is one; with `none` it may be missing."""
    value = tree.get(key)
    if value is None and none:
        return None
    if type(value) is not str or pattern is not None and not pattern.fullmatch(value):
        raise _wrong(tree, key, f"text that matches {pattern.pattern}" if pattern else "text")
    return value


def flag(tree: Mapping[str, Any], key: str, none: bool = False) -> bool | None:
    """True or false; with `none` it may be missing."""
    value = tree.get(key)
    if type(value) is not bool and not (value is None and none):
        raise _wrong(tree, key, "true or false")
    return value


def whole(tree: Mapping[str, Any], key: str, least: int = 0, most: int = MOST, none: bool = False) -> Any:
    """A whole number within bounds; with `none` it may be missing."""
    value = tree.get(key)
    if value is None and none:
        return None
    if type(value) is not int or not least <= value <= most:
        raise _wrong(tree, key, f"a whole number from {least} to {most}")
    return value


def number(tree: Mapping[str, Any], key: str, least: float = -_LARGEST, most: float = _LARGEST) -> float | None:
    """A finite number within bounds, or None where it is null or missing."""
    value = tree.get(key)
    if value is None:
        return None
    if type(value) is float and least <= value <= most:  # false for NaN
        return value
    if type(value) is not int or not least <= value <= most:
        raise _wrong(tree, key, f"a finite number from {least:g} to {most:g}")
    return float(value)


def share(tree: Mapping[str, Any], key: str) -> float | None:
    """A number in [0, 1], or None where it is null or missing."""
    return number(tree, key, 0.0, 1.0)


def numbers(tree: Mapping[str, Any], key: str) -> dict[str, float | None]:
    """An object of finite numbers; null stands for one that was not finite."""
    found = mapping(tree, key)
    for value in found.values():
        if type(value) is not float or not -_LARGEST <= value <= _LARGEST:
            return {name: number(found, name) for name in found}
    return found


def square(tree: Mapping[str, Any], key: str, k: int) -> np.ndarray | None:
    """Counts (k, k) as int32, or None where the list is empty."""
    rows = tree.get(key)
    if rows == []:
        return None
    try:
        counts = np.array(rows)
    except ValueError:  # rows of different lengths
        counts = np.array(None)
    if counts.dtype != np.int64 or counts.shape != (k, k) or counts.view(np.uint64).max() >= 2**31:  # negative ones are huge ones there
        raise Wrong(f"{key} is not {k} rows of {k} counts, as many as there are classes")
    return counts.astype(np.int32)


def hashed(function: Callable[[Any], str], value: Any, what: str) -> str:
    """A hash of JSON values."""
    try:
        return function(value)
    except (ValueError, RecursionError) as exc:
        raise Wrong(f"the {what} cannot be hashed ({exc}); expected finite numbers, few levels deep") from None


def shallow(value: Any, left: int = DEPTH) -> bool:
    """Whether objects and lists are nested no deeper than `DEPTH`."""
    inner = value.values() if type(value) is dict else value if type(value) is list else ()
    return left > 0 and all(shallow(v, left - 1) for v in inner if type(v) is dict or type(v) is list)


def encodable(value: Any) -> bool:
    """Whether every text in JSON values can be written as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _wrong(tree: Mapping[str, Any], key: str, expected: str) -> Wrong:
    if key not in tree:
        return Wrong(f"it lacks {key}; expected {expected}")
    return Wrong(f"{key} is {shown(tree[key])}; expected {expected}")
