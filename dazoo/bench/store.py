"""Where cells are kept: a folder, or any address that fsspec knows. What is there is finished.

    cells/<recipe>/seed<k>-<id>/cell.json         the record, with the model and pictures beside it
    files/<recipe>/seed<k>-<id>/<attempt>/        in an object store: model and pictures; the record says which attempt's (`at`)
    failed/<recipe>/seed<k>-<id>.json             what went wrong, until the cell succeeds

In a folder, a cell appears by one rename of its whole folder. An object store has no such rename: there every attempt puts its files where
no other one does, and writes `cell.json` last, and only if it is not there yet. Either way a cell is finished exactly when its `cell.json`
can be read, and the files that it names are those that it was written with.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from contextlib import suppress
from pathlib import Path
from typing import Any

from dazoo.bench.cells import Record
from dazoo.bench.cells import check_record
from dazoo.bench.cells import path_of
from dazoo.errors import DataError
from dazoo.errors import DazooError
from dazoo.errors import StoreError


RECORD = "cell.json"

BATCH = 200
"""Records that are read from an object store at a time."""


def open_store(address: str | os.PathLike[str]) -> Store:
    """The store at a folder, or at an address such as "s3://bucket/runs".

    Where an address is reached is said in the environment, also to the cells: for S3 by AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for
    one that is not Amazon's, AWS_ENDPOINT_URL; what else a file system of fsspec takes by FSSPEC_S3_<ARGUMENT> (FSSPEC_GCS_..., ...).

    Raises:
        DataError: an address whose protocol nothing installed knows.
    """
    text = os.fspath(address)
    return RemoteStore(text) if "://" in text else FolderStore(Path(text).expanduser().absolute())


class Store:
    """Finished and failed cells by their path (`Cell.path`).

    Attributes:
        address: where it is.
        preload: modules that opening it imports, for processes that are forked to open it.
    """

    address: str
    preload: tuple[str, ...] = ()

    def has(self, path: str) -> bool:
        """Whether the cell is finished."""
        raise NotImplementedError

    def finished(self) -> set[str]:
        """Paths of all finished cells."""
        raise NotImplementedError

    def failed(self) -> set[str]:
        """Paths of the cells that failed when last tried."""
        raise NotImplementedError

    def read(self, name: str) -> bytes:
        """What stands at a place below the store: "cells/<path>/cell.json"."""
        raise NotImplementedError

    def commit(self, path: str, folder: Path) -> bool:
        """Make `folder` (with a `cell.json`) the finished cell, all or nothing; it is moved or removed. False if one was there already."""
        raise NotImplementedError

    def fail(self, path: str, record: Record) -> None:
        """Keep what went wrong, in place of an earlier failure."""
        raise NotImplementedError

    def record(self, path: str) -> Record:
        """Record of a finished cell.

        Raises:
            DataError: it is no record.
        """
        name = f"cells/{path}/{RECORD}"
        return self._parsed(name, self.read(name))

    def failure(self, path: str) -> Record | None:
        """Record of a failed cell, or None where it has not failed."""
        name = f"failed/{path}.json"
        try:
            return self._parsed(name, self.read(name))
        except FileNotFoundError:
            return None

    def file(self, record: Record, name: str) -> bytes:
        """A file of a finished cell, "samples.png"; `record` is the cell's.

        Raises:
            FileNotFoundError: it has none of that name.
        """
        return self.read(f"{record.get('at') or 'cells/' + path_of(record)}/{name}")

    def records(self) -> Iterator[Record]:
        """Every record, sorted by path: finished cells, then the failed ones that did not succeed since."""
        finished = self.finished()
        names = [f"cells/{path}/{RECORD}" for path in sorted(finished)]
        names += [f"failed/{path}.json" for path in sorted(self.failed() - finished)]
        for name, text in self._read_all(names):
            yield self._parsed(name, text)

    def _read_all(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """What stands at each place; what was removed meanwhile is left out."""
        for name in names:
            with suppress(FileNotFoundError):
                yield name, self.read(name)

    def _parsed(self, name: str, text: bytes) -> Record:
        try:
            record: Any = json.loads(text)
        except ValueError as exc:
            what = name.removesuffix(f"/{RECORD}")
            raise DataError(
                f"{self.address}: {name} is not JSON ({exc}); it was changed. Remove {what}, and the cell runs again."
            ) from None
        return check_record(record, f"{self.address}: {name}")


class FolderStore(Store):
    """A folder on a file system that renames atomically."""

    def __init__(self, root: Path) -> None:
        self.root, self.address = root, str(root)

    def has(self, path: str) -> bool:
        return (self.root / "cells" / path / RECORD).is_file()

    def finished(self) -> set[str]:
        return {f"{recipe}/{cell}" for recipe, cell in _two_levels(self.root / "cells")}

    def failed(self) -> set[str]:
        return {f"{recipe}/{file.removesuffix('.json')}" for recipe, file in _two_levels(self.root / "failed") if file.endswith(".json")}

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def commit(self, path: str, folder: Path) -> bool:
        final = self.root / "cells" / path
        final.parent.mkdir(parents=True, exist_ok=True)
        for file in sorted(folder.rglob("*")):
            _sync(file)
        _sync(folder)
        try:
            os.rename(folder, final)  # fails where a folder with files is in the way
        except OSError:
            if not self.has(path):
                raise
            shutil.rmtree(folder, ignore_errors=True)
            return False
        _sync(final.parent)
        (self.root / "failed" / f"{path}.json").unlink(missing_ok=True)
        return True

    def fail(self, path: str, record: Record) -> None:
        final = self.root / "failed" / f"{path}.json"
        final.parent.mkdir(parents=True, exist_ok=True)
        write_whole(final, json.dumps(record, indent=1))


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
        self.preload = (type(self.fs).__module__,)

    def has(self, path: str) -> bool:
        try:
            with self._reached(FileNotFoundError):
                self.fs.info(f"{self.root}/cells/{path}/{RECORD}")
        except FileNotFoundError:
            return False
        return True

    def finished(self) -> set[str]:
        return {f.removesuffix(f"/{RECORD}") for f in self._below("cells") if f.endswith(f"/{RECORD}")}

    def failed(self) -> set[str]:
        return {f.removesuffix(".json") for f in self._below("failed")}

    def read(self, name: str) -> bytes:
        with self._reached(FileNotFoundError):
            return bytes(self.fs.cat_file(f"{self.root}/{name}"))

    def commit(self, path: str, folder: Path) -> bool:
        new = not self.has(path) and self._commit(path, folder)
        shutil.rmtree(folder, ignore_errors=True)
        return new

    def fail(self, path: str, record: Record) -> None:
        with self._reached():
            self.fs.pipe_file(f"{self.root}/failed/{path}.json", json.dumps(record, indent=1).encode())

    def _commit(self, path: str, folder: Path) -> bool:
        at = f"files/{path}/{uuid.uuid4().hex[:8]}"
        record = {**json.loads((folder / RECORD).read_bytes()), "at": at}
        with self._reached():
            for file in sorted(f for f in folder.rglob("*") if f.is_file() and f != folder / RECORD):
                self.fs.put_file(str(file), f"{self.root}/{at}/{file.relative_to(folder).as_posix()}")
        # Whoever is refused may have been heard before, its answer lost and its request sent again: the record alone says whose it is.
        if not self._create(path, json.dumps(record, indent=1).encode()) and self.record(path).get("at") != at:
            with self._reached():
                for file in self._below(at):
                    self.fs.rm_file(f"{self.root}/{at}/{file}")
            return False
        with suppress(FileNotFoundError), self._reached(FileNotFoundError):
            self.fs.rm_file(f"{self.root}/failed/{path}.json")
        return True

    def _create(self, path: str, data: bytes) -> bool:
        """Write the record of a cell that has none yet; False if it has one."""
        place = f"{self.root}/cells/{path}/{RECORD}"
        if self.has(path):
            return False
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

    def _below(self, place: str) -> list[str]:
        """Paths of all files below a place, from there."""
        with self._reached():
            found = self.fs.find(f"{self.root}/{place}")
        return [f.split(f"{self.root.strip('/')}/{place}/", 1)[1] for f in found]

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
        try:
            yield
        except (DazooError, *allowed):  # a signal's Interrupted too
            raise
        except Exception as exc:
            raise StoreError(
                f"{self.address} is out of reach, or refuses: {type(exc).__name__}: {exc}. See to it (address, keys, network), and give "
                "the same command again; it goes on where it was."
            ) from exc


def write_whole(file: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one."""
    part = file.with_name(f".{file.name}-{uuid.uuid4().hex[:8]}")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def _two_levels(top: Path) -> Iterator[tuple[str, str]]:
    """(folder, name) of what stands two levels below; files that are being written begin with a dot."""
    if not top.is_dir():
        return
    for folder in os.scandir(top):
        if folder.is_dir():
            for entry in os.scandir(folder.path):
                if not entry.name.startswith("."):
                    yield folder.name, entry.name


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
