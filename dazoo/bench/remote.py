"""Cells in an object store, or at any other address that fsspec knows; see `dazoo.bench.store` for what stands where."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from dazoo.bench.record import Record
from dazoo.bench.store import RECORD
from dazoo.bench.store import Store
from dazoo.bench.store import cells_of
from dazoo.bench.store import failures_of
from dazoo.errors import DataError
from dazoo.errors import DazooError
from dazoo.errors import StoreError


BATCH = 200
"""Records that are read at a time."""


class RemoteStore(Store):
    """An address of fsspec: S3, GCS, memory, ...

    The record is created, not written (S3's If-None-Match, GCS's ifGenerationMatch), so of several processes that commit a cell at once one
    does. A file system of fsspec that cannot create is asked just before whether the record is there: then two may both think that they
    did, and the later record, with its own files, stays. An attempt that was cut off leaves files that no record names; they do no harm.

    Raises (every method):
        StoreError: it is out of reach, or refuses. What its library tries again by itself (for S3 some 10 s long) has been tried.
    """

    def __init__(self, address: str) -> None:
        import fsspec

        self.address = address.rstrip("/")
        try:  # listings are not remembered: other processes write here
            self.fs, self.root = fsspec.core.url_to_fs(self.address, use_listings_cache=False)
        except (ValueError, ImportError) as exc:
            raise DataError(f"{address!r} cannot be opened: {exc}. Expected a folder, or an address that fsspec knows.") from exc
        self.preload = (__name__, type(self.fs).__module__)

    def has(self, path: str) -> bool:
        return bool(self._size(path))

    def cells(self) -> dict[str, bool]:
        sizes = self._below("cells")  # an object is written whole or not at all, but somebody else may have put an empty one there
        return {path: sizes[f"cells/{path}/{RECORD}"] > 0 for path in cells_of(sizes)}

    def failed(self) -> set[str]:
        return failures_of(self._below("failed"))

    def read(self, name: str) -> bytes:
        with self._reached(FileNotFoundError):
            return bytes(self.fs.cat_file(f"{self.root}/{name}"))

    def commit(self, path: str, folder: Path) -> bool:
        new = not self.has(path) and self._commit(path, folder)
        shutil.rmtree(folder, ignore_errors=True)
        return new

    def fail(self, path: str, record: Record) -> None:
        with self._reached():
            self.fs.pipe_file(f"{self.root}/failed/{path}.json", record.to_text().encode())

    def _commit(self, path: str, folder: Path) -> bool:
        at = f"files/{path}/{uuid.uuid4().hex[:8]}"
        record = replace(Record.from_text((folder / RECORD).read_bytes(), f"{folder / RECORD}"), at=at)
        with self._reached():
            for file in sorted(f for f in folder.rglob("*") if f.is_file() and f != folder / RECORD):
                self.fs.put_file(str(file), f"{self.root}/{at}/{file.relative_to(folder).as_posix()}")
        # Whoever is refused may have been heard before, its answer lost and its request sent again: the record alone says whose it is.
        if not self._create(path, record.to_text().encode()) and self.record(path).at != at:
            with self._reached():
                for name in self._below(at):
                    self.fs.rm_file(f"{self.root}/{name}")
            return False
        with suppress(FileNotFoundError), self._reached(FileNotFoundError):
            self.fs.rm_file(f"{self.root}/failed/{path}.json")
        return True

    def _create(self, path: str, data: bytes) -> bool:
        """Write the record of a cell that has none yet; False if it has one."""
        place = f"{self.root}/cells/{path}/{RECORD}"
        size = self._size(path)
        if size:
            return False
        if size == 0:  # an empty record, which makes no finished cell
            with self._reached():
                self.fs.rm_file(place)
        try:
            with self._reached(FileExistsError, TypeError):
                self.fs.pipe_file(place, data, mode="create")
        except FileExistsError:
            return False
        except TypeError:  # it cannot create
            with self._reached():
                self.fs.pipe_file(place, data)
        except StoreError:
            if not self.has(path):
                raise
            return False  # refused in words that the library does not know
        return True

    def _size(self, path: str) -> int | None:
        """Bytes of a cell's record, or None where it has none."""
        try:
            with self._reached(FileNotFoundError):
                return _bytes(self.fs.info(f"{self.root}/cells/{path}/{RECORD}"))
        except FileNotFoundError:
            return None

    def _below(self, place: str) -> dict[str, int]:
        """Bytes of all files below a place, by their names below the store."""
        with self._reached():
            found = self.fs.find(f"{self.root}/{place}", detail=True)
        top = f"{self.root.strip('/')}/{place}/"
        return {f"{place}/{name.split(top, 1)[1]}": _bytes(info) for name, info in found.items()}

    def _read_all(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for start in range(0, len(names), BATCH):
            some = {name: f"{self.root}/{name}" for name in names[start : start + BATCH]}
            with self._reached():
                found = self.fs.cat(list(some.values()), on_error="return")
                for content in found.values():
                    if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                        raise content
            yield from ((name, found[place]) for name, place in some.items() if not isinstance(found[place], Exception))

    @contextmanager
    def _reached(self, *allowed: type[Exception]) -> Iterator[None]:
        """Turns what a file system's library raises, but for what is allowed, into the error that stops a grid and counts for no cell."""
        passed: tuple[type[BaseException], ...] = (DazooError, *allowed)  # a signal's Interrupted too
        try:
            yield
        except passed:
            raise
        except Exception as exc:
            raise StoreError(
                f"{self.address} is out of reach, or refuses: {type(exc).__name__}: {exc}. See to it (address, keys, network), and give "
                "the same command again; it goes on where it was."
            ) from exc


def _bytes(info: Mapping[str, Any]) -> int:
    """Size of an object; 1 where its file system does not tell."""
    size = info.get("size")
    return 1 if size is None else int(size)
