"""Where cells are kept: a folder, or any address that fsspec knows. What is there is finished.

    cells/<recipe>/seed<k>-<id>/cell.json    the record, with the model and pictures beside it
    failed/<recipe>/seed<k>-<id>.json        what went wrong, until the cell succeeds

In a folder, a cell appears by one rename of its whole folder. An object store has no such rename: there `cell.json` is written last, and
only if it is not there yet. Either way a cell is finished exactly when its `cell.json` can be read.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dazoo.bench.cells import Record
from dazoo.bench.cells import check_record
from dazoo.errors import DataError


RECORD = "cell.json"


def open_store(address: str | os.PathLike[str]) -> Store:
    """The store at a folder, or at an address such as "s3://bucket/runs".

    Raises:
        DataError: an address whose protocol nothing installed knows.
    """
    text = os.fspath(address)
    return RemoteStore(text) if "://" in text else FolderStore(Path(text).expanduser().absolute())


class Store:
    """Finished and failed cells by their path (`Cell.path`)."""

    address: str

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
        """A file below the store: "cells/<path>/cell.json"."""
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
        return self._parsed(f"cells/{path}/{RECORD}")

    def failure(self, path: str) -> Record | None:
        """Record of a failed cell, or None where it has not failed."""
        try:
            return self._parsed(f"failed/{path}.json")
        except FileNotFoundError:
            return None

    def records(self) -> Iterator[Record]:
        """Every record, sorted by path: finished cells, then the failed ones that did not succeed since."""
        finished = self.finished()
        for path in sorted(finished):
            yield self.record(path)
        for path in sorted(self.failed() - finished):
            record = self.failure(path)
            if record is not None:
                yield record

    def _parsed(self, name: str) -> Record:
        try:
            record: Any = json.loads(self.read(name))
        except ValueError as exc:
            raise DataError(f"{self.address}: {name} is not JSON ({exc}); it was changed. Remove it, and the cell runs again.") from None
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
    """An address of fsspec: S3, GCS, memory, ..."""

    def __init__(self, address: str) -> None:
        import fsspec

        self.address = address.rstrip("/")
        try:
            self.fs, self.root = fsspec.core.url_to_fs(self.address)
        except (ValueError, ImportError) as exc:
            raise DataError(f"{address!r} cannot be opened: {exc}. Expected a folder, or an address that fsspec knows.") from exc

    def has(self, path: str) -> bool:
        return bool(self.fs.exists(f"{self.root}/cells/{path}/{RECORD}"))

    def finished(self) -> set[str]:
        return {f.removesuffix(f"/{RECORD}") for f in self._below("cells") if f.endswith(f"/{RECORD}")}

    def failed(self) -> set[str]:
        return {f.removesuffix(".json") for f in self._below("failed")}

    def read(self, name: str) -> bytes:
        return bytes(self.fs.cat_file(f"{self.root}/{name}"))

    def commit(self, path: str, folder: Path) -> bool:
        new = not self.has(path)
        if new:
            files = [f for f in sorted(folder.rglob("*")) if f.is_file()]
            for file in sorted(files, key=lambda f: f == folder / RECORD):  # the record comes last
                self.fs.pipe_file(f"{self.root}/cells/{path}/{file.relative_to(folder).as_posix()}", file.read_bytes())
            failure = f"{self.root}/failed/{path}.json"
            if self.fs.exists(failure):
                self.fs.rm_file(failure)
        shutil.rmtree(folder, ignore_errors=True)
        return new

    def fail(self, path: str, record: Record) -> None:
        self.fs.pipe_file(f"{self.root}/failed/{path}.json", json.dumps(record, indent=1).encode())

    def _below(self, kind: str) -> list[str]:
        self.fs.invalidate_cache()
        top = f"{self.root}/{kind}"
        return [f.split(f"{self.root.strip('/')}/{kind}/", 1)[1] for f in self.fs.find(top)] if self.fs.exists(top) else []


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
