"""Values as JSON has them, files that are written whole, and durations for people."""

from __future__ import annotations

import json
import math
import os
import uuid
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


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one, never a part.

    Raises:
        OSError: the folder cannot be written; the old file is as it was.
    """
    draft = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def shown(value: Any, most: int = 60) -> str:
    """A value as a message shows it: its `repr`, cut to `most` characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of more digits than Python prints, or nesting without end
        text = f"a huge {type(value).__name__}"
    return text if len(text) <= most else f"{text[: most - 3]}..."


def duration(seconds: float) -> str:
    """ "0.5 s", "12 s", "4.2 min", "3.1 h"."""
    for size, unit in ((3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size * (1 if unit != "min" else 1.5):
            return f"{seconds / size:.{0 if unit == 's' and seconds >= 10 else 1}f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.2g} s"


def to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows has no handle of a folder
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
