"""Values as JSON has them, files that are read with bounds and written whole, durations and values for people."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import stat
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dazoo.errors import SettingsError


FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
"""How a system says that there is no room: on the disk, in a quota, below a limit on files."""


def native(value: Any) -> Any:
    """A number, a word or a list of NumPy's or torch's as Python's; anything else as it is.

    Arrays and tensors without dimensions (0-d) are numbers, those with dimensions stay what they are. A `torch.Size` is a tuple of ints, a
    `torch.device` and a `torch.dtype` stay. Mappings, lists and tuples are looked into.
    """
    if type(value) in (bool, int, float, str, type(None)):
        return value
    if isinstance(value, Mapping):
        return {native(k): native(v) for k, v in value.items()}
    if isinstance(value, list):
        return [native(v) for v in value]
    if isinstance(value, tuple):
        inner = [native(v) for v in value]
        return type(value)(*inner) if hasattr(value, "_fields") else tuple(inner)
    if callable(getattr(value, "item", None)) and getattr(value, "shape", None) == ():  # a scalar of NumPy or torch
        return value.item()
    if isinstance(value, str) and type(value).__module__ == "numpy":
        return str.__str__(value)
    return value


def whole_number(name: str, value: Any, low: int = 1) -> int:
    """A whole number that a person gave as Python's, whoever's type it had.

    Raises:
        SettingsError: it is none, or below `low`.
    """
    number = native(value)
    if not isinstance(number, int) or isinstance(number, bool) or number < low:
        raise SettingsError(f"{name} is {shown(number)}; expected a whole number of at least {low}.")
    return number


def plain(value: Any) -> Any:
    """Mappings, lists, numbers and text; what is not finite becomes None, and anything else its text."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    value = native(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def strict_json(value: Any, indent: int | None = None) -> str:
    """JSON that every parser takes."""
    return json.dumps(plain(value), indent=indent, allow_nan=False)


def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON as a dictionary (for `json.loads(object_pairs_hook=...)`).

    Raises:
        ValueError: a name stands in it twice.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands in it twice")
    return found


def read_bounded(path: Path, most: int) -> bytes:
    """The bytes of an ordinary file. A pipe or a device, which may never end, is not read.

    Args:
        most: bytes that the file may have.

    Raises:
        OSError: it is not there, or cannot be read.
        ValueError: no ordinary file, or a longer one.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is no ordinary file")
    with path.open("rb") as file:
        text = file.read(min(most, os.fstat(file.fileno()).st_size) + 1)  # the argument is allocated at once
    if len(text) > most:
        raise ValueError(f"it has more than {most} bytes")
    return text


def digest_of(path: Path) -> dict[str, Any]:
    """{"sha256": hex, "bytes": length} of a file, read in pieces."""
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": file.tell()}


def write_whole(path: Path, text: str, *, sync: bool = True) -> None:
    """Write a file (UTF-8) so that a reader sees the old text or the new one.

    Args:
        sync: wait until it is on the disk, so that it outlives a power cut.

    Raises:
        OSError: it cannot be written; the old text stays.
    """
    draft = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    try:
        draft.write_text(text, encoding="utf-8")
        if sync:
            to_disk(draft)
        os.replace(draft, path)
        if sync:
            to_disk(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def fits(number: float) -> bool:
    """Whether a number can stand in a config: finite, and below 2**63 in size."""
    return abs(number) < 2**63  # not so for NaN; true integers are compared exactly, however long they are


def shown(value: Any, most: int = 40) -> str:
    """A value for a message: its repr, cut to `most` characters."""
    try:
        text = repr(value)
    except ValueError:  # Python does not print a number of more than 4,300 digits
        return f"a number of more than {sys.get_int_max_str_digits()} digits"
    except RecursionError:
        return f"a {type(value).__name__} nested without end"
    return text if len(text) <= most else f"{text[: most - 3]}... ({len(text)} characters)"


def per_cent(share: float | None) -> str:
    """A share in [0, 1] as a person reads it; "-" for one that is not known."""
    return "-" if share is None else f"{100 * share:.1f} %"


def duration(seconds: float) -> str:
    """ "0.5 s", "12 s", "4.2 min", "3.1 h"."""
    for size, unit in ((3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size * (1 if unit != "min" else 1.5):
            return f"{seconds / size:.{0 if unit == 's' and seconds >= 10 else 1}f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.2g} s"


def span(seconds: float) -> str:
    """ "0 s", "45 s", "1 min 10 s", "2 h 5 min": a time to wait, in whole units."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(round(whole / 60), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows has no handle of a folder
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def no_room(exc: BaseException) -> bool:
    """Whether nothing more can be written, whatever is written: a full disk or quota, or a read-only file system."""
    return _says(exc, (*FULL, errno.EROFS))


def unwritten(path: Path, exc: BaseException) -> str:
    """A sentence that says that a file or folder cannot be written, and why."""
    reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc).rstrip(".")
    return f"No room to write {path}: {reason}." if _says(exc, FULL) else f"{path} cannot be written: {reason}."


def again(exc: BaseException) -> str:
    """A sentence that says what to do about a run whose files cannot be written."""
    remedy = "Make room" if _says(exc, FULL) else "See that the folder can be written"
    return f"{remedy}, and give the same command again; it goes on where it was."


def _says(exc: BaseException, codes: tuple[int, ...]) -> bool:
    """Whether an exception is one of the system's errors, or of a library that wraps it and keeps its text."""
    texts = [f"(os error {code})" if code == errno.EFBIG else os.strerror(code) for code in codes]  # "File too large" may be anybody's
    return isinstance(exc, OSError) and exc.errno in codes or any(text in str(exc) for text in texts)


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path that a person gave, with `~` and `~user` replaced by home folders. It need not exist.

    Raises:
        SettingsError: nobody knows that home folder, or no file system takes such a path.
    """
    given = Path(path)
    try:
        full = given.expanduser()
    except RuntimeError:
        raise SettingsError(f"{shown(str(given), 80)}: the home folder in front is not known here; write the folder in full.") from None
    try:
        os.lstat(full)
    except ValueError as exc:
        raise SettingsError(f"{shown(str(given), 80)} is no path: {exc}.") from None
    except OSError as exc:
        if exc.errno == errno.ENAMETOOLONG:
            raise SettingsError(f"{shown(str(given), 80)} is longer than the file system allows; shorten the path.") from None
    return full
