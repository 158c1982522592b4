"""Folders that appear whole. A folder is filled as a hidden draft beside its final place, and a rename puts it there.

A writer holds a lock of the system (flock) on its draft, which ends with its process. A draft without one was left by a process that
was killed, and goes when somebody next writes there. Where the system has no such locks, such drafts stay.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from pathlib import Path

from dazoo.plain import to_disk


try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # mypy has no way to say that a module may be missing

_TRIES = 8


@contextmanager
def whole_folder(final: Path) -> Iterator[Path]:
    """A draft folder to fill. When the block ends without an error, the draft is `final`, whole and on the disk.

    A folder that stands at `final` is replaced. It is there until the new one is, but for the moment between two renames; `restore`
    repairs what a kill leaves in that moment.

    Raises:
        OSError: it cannot be written. What stood at `final` still does.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    restore(final)
    sweep(final.parent, glob.escape(final.name))
    draft, lock = _new(final)
    try:
        yield draft
        for file in sorted(draft.rglob("*")):
            to_disk(file)
        to_disk(draft)
        _put(draft, final)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def restore(final: Path) -> None:
    """Put back the folder that a writer had moved aside from `final` when it was killed. Does nothing where `final` is there."""
    if os.path.lexists(final):
        return
    found = _named(final.parent, glob.escape(final.name), "-old")
    if found:
        with suppress(OSError):  # another process was faster, or nothing can be written here
            os.rename(max(found, key=os.path.getmtime), final)


def sweep(folder: Path, name: str) -> None:
    """Remove what killed writers left in a folder.

    Args:
        name: final names of the drafts, as a pattern ("step-*").
    """
    for draft in _named(folder, name, ""):
        if (lock := _locked(draft)) is not None:
            shutil.rmtree(draft, ignore_errors=True)
            os.close(lock)
    for old in _named(folder, name, "-old"):
        final = old.with_name(re.sub(r"^\.(.+)-[0-9a-f]{8}-old$", r"\1", old.name))
        if final.exists():  # else it is all that there is
            shutil.rmtree(old, ignore_errors=True)


def _named(folder: Path, name: str, end: str) -> list[Path]:
    """Draft folders of final names that match a pattern."""
    return [p for p in folder.glob(f".{name}-{'[0-9a-f]' * 8}{end}") if p.is_dir() and not p.is_symlink()]


def _new(final: Path) -> tuple[Path, int | None]:
    """A new draft of `final`, and the handle that keeps it locked."""
    for _ in range(_TRIES):
        draft = final.with_name(f".{final.name}-{uuid.uuid4().hex[:8]}")
        draft.mkdir()
        if fcntl is None:
            return draft, None
        with suppress(FileNotFoundError):  # swept before it was locked
            lock = os.open(draft, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            if draft.is_dir():
                return draft, lock
            os.close(lock)
    raise OSError(errno.EAGAIN, "drafts are removed while they are made", str(final))


def _locked(draft: Path) -> int | None:
    """A handle that locks a draft which nobody writes, or None."""
    if fcntl is None:
        return None
    try:
        handle = os.open(draft, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by its writer, or a file system without locks
        os.close(handle)
        return None
    return handle


def _put(draft: Path, final: Path) -> None:
    """Put the finished draft in its place; what was there is restored if that fails."""
    aside: list[Path] = []
    try:
        for attempt in range(_TRIES):
            if final.exists():
                old = final.with_name(f".{final.name}-{uuid.uuid4().hex[:8]}-old")
                os.replace(final, old)
                aside.append(old)
            try:
                os.replace(draft, final)
                break
            except OSError as exc:  # another process may have put a folder there meanwhile
                if exc.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == _TRIES - 1:
                    raise
    except OSError:
        if aside and not final.exists():
            os.replace(aside[-1], final)
        raise
    to_disk(final.parent)
    for old in aside:
        shutil.rmtree(old, ignore_errors=True)
