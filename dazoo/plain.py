"""Values as JSON has them, and files that outlive a power cut."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def plain(value: Any) -> Any:
    """Mappings, lists, numbers and text; what is not finite becomes None, and anything else its text."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def strict_json(value: Any, indent: int | None = None) -> str:
    """JSON that every parser takes."""
    return json.dumps(plain(value), indent=indent, allow_nan=False)


def fits(number: float) -> bool:
    """Whether a number can stand in a config: finite, and below 2**63 in size."""
    return abs(number) < 2**63  # not so for NaN; true integers are compared exactly, however long they are


def shown(value: Any, most: int = 40) -> str:
    """A value for a message: its repr, cut to `most` characters."""
    try:
        text = repr(value)
    except ValueError:  # Python does not print a number of more than 4,300 digits
        return f"a number of more than {sys.get_int_max_str_digits()} digits"
    return text if len(text) <= most else f"{text[: most - 3]}... ({len(text)} characters)"


def to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows has no handle of a folder
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
