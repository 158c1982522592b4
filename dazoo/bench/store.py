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
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dazoo.bench.cells import Record
from dazoo.bench.cells import check_record
from dazoo.bench.cells import path_of
from dazoo.data.paths import expanded
from dazoo.errors import DataError
from dazoo.plain import to_disk
from dazoo.plain import write_whole


RECORD = "cell.json"


def open_store(address: str | os.PathLike[str]) -> Store:
    """The store at a folder, or at an address such as "s3://bucket/runs".

    Where an address is reached is said in the environment, also to the cells: for S3 by AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for
    one that is not Amazon's, AWS_ENDPOINT_URL; what else a file system of fsspec takes by FSSPEC_S3_<ARGUMENT> (FSSPEC_GCS_..., ...).

    Raises:
        DataError: an address whose protocol nothing installed knows.
    """
    text = os.fspath(address)
    if "://" not in text:
        return FolderStore(expanded(text).absolute())
    from dazoo.bench.remote import RemoteStore

    return RemoteStore(text)


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
            to_disk(file)
        to_disk(folder)
        try:
            os.rename(folder, final)  # fails where a folder with files is in the way
        except OSError:
            if not self.has(path):
                raise
            shutil.rmtree(folder, ignore_errors=True)
            return False
        to_disk(final.parent)
        (self.root / "failed" / f"{path}.json").unlink(missing_ok=True)
        return True

    def fail(self, path: str, record: Record) -> None:
        final = self.root / "failed" / f"{path}.json"
        final.parent.mkdir(parents=True, exist_ok=True)
        write_whole(final, json.dumps(record, indent=1))


def _two_levels(top: Path) -> Iterator[tuple[str, str]]:
    """(folder, name) of what stands two levels below; files that are being written begin with a dot."""
    if not top.is_dir():
        return
    for folder in os.scandir(top):
        if folder.is_dir():
            for entry in os.scandir(folder.path):
                if not entry.name.startswith("."):
                    yield folder.name, entry.name
