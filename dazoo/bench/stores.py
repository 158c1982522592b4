"""Opening a store, and the store in a folder."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dazoo.bench.record import Record
from dazoo.bench.remote import RemoteStore
from dazoo.bench.store import RECORD
from dazoo.bench.store import Store
from dazoo.bench.store import failures_of
from dazoo.plain import expanded
from dazoo.plain import to_disk
from dazoo.plain import write_whole


TRIES = 20
"""Times that a folder is renamed into its place, where leftovers or other processes are in the way."""

TAIL = 64
"""Bytes at a record's end by which a whole one is told from one that is cut off."""


def open_store(address: str | os.PathLike[str]) -> Store:
    """The store at a folder, or at an address such as "s3://bucket/runs".

    The environment names the server behind an address, for the cells too: for S3 by AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for
    one that is not Amazon's, AWS_ENDPOINT_URL; what else a file system of fsspec takes by FSSPEC_S3_<ARGUMENT> (FSSPEC_GCS_..., ...).

    Raises:
        DataError: an address whose protocol nothing installed knows.
    """
    text = os.fspath(address)
    return RemoteStore(text) if "://" in text else FolderStore(expanded(text).absolute())


class FolderStore(Store):
    """A folder on a file system that renames atomically."""

    def __init__(self, root: Path) -> None:
        self.root, self.address = root, str(root)

    def has(self, path: str) -> bool:
        return _is_whole(f"{self.root}/cells/{path}/{RECORD}") is True

    def cells(self) -> dict[str, bool]:
        found = ((path, _is_whole(f"{self.root}/cells/{path}/{RECORD}")) for path in _two_levels(self.root / "cells"))
        return {path: whole for path, whole in found if whole is not None}

    def paths(self) -> set[str]:
        return {path for path in _two_levels(self.root / "cells") if os.path.isfile(f"{self.root}/cells/{path}/{RECORD}")}

    def failed(self) -> set[str]:
        return failures_of(f"failed/{path}" for path in _two_levels(self.root / "failed"))

    def read(self, name: str) -> bytes:
        with open(f"{self.root}/{name}", "rb", buffering=0) as file:
            return file.read()

    def commit(self, path: str, folder: Path) -> bool:
        final = self.root / "cells" / path
        final.parent.mkdir(parents=True, exist_ok=True)
        for file in sorted(folder.rglob("*")):
            to_disk(file)
        to_disk(folder)
        if not self._put(folder, path, final):
            shutil.rmtree(folder, ignore_errors=True)
            return False
        to_disk(final.parent)
        (self.root / "failed" / f"{path}.json").unlink(missing_ok=True)
        return True

    def fail(self, path: str, record: Record) -> None:
        final = self.root / "failed" / f"{path}.json"
        final.parent.mkdir(parents=True, exist_ok=True)
        write_whole(final, record.to_text())

    def _put(self, folder: Path, path: str, final: Path) -> bool:
        """Rename a folder into its place; False where a finished cell is there. A leftover there, which is none, is cleared away.

        Raises:
            OSError: the file system refuses.
        """
        for left in reversed(range(TRIES)):
            try:
                os.rename(folder, final)  # fails where a folder with files is in the way
                return True
            except OSError as exc:
                if self.has(path):
                    return False
                if not left or exc.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise
            _clear(final)
        return False


def _clear(place: Path) -> None:
    """Take a leftover away from a cell's place: first aside by one rename, since another process may commit the cell meanwhile."""
    aside = place.with_name(f".{place.name}-{uuid.uuid4().hex[:8]}")
    with suppress(FileNotFoundError):  # another process was faster
        os.rename(place, aside)
    if _is_whole(f"{aside}/{RECORD}"):  # committed between the look and the rename: it goes back, unless the cell is there once more
        with suppress(OSError):
            os.rename(aside, place)
    if aside.is_dir():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink(missing_ok=True)


def _is_whole(file: str) -> bool | None:
    """Whether a record is neither empty nor cut off: it closes in a line of its own, or is one line. None where there is none."""
    try:
        handle = os.open(file, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        head = os.pread(handle, 1, 0)
        tail = os.pread(handle, TAIL, max(0, os.fstat(handle).st_size - TAIL)).rstrip()
    except IsADirectoryError:
        return None
    finally:
        os.close(handle)
    return head == b"{" and (tail.endswith(b"\n}") or tail.endswith(b"}") and b"\n" not in tail)


def _two_levels(top: Path) -> Iterator[str]:
    """ "folder/name" of what stands two levels below; files that are being written begin with a dot."""
    if not top.is_dir():
        return
    for folder in os.scandir(top):
        if folder.is_dir() and not folder.name.startswith("."):
            yield from (f"{folder.name}/{found.name}" for found in os.scandir(folder.path) if not found.name.startswith("."))
