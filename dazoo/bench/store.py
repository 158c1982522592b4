"""What a store of cells does; `dazoo.bench.stores` has the one in a folder, `dazoo.bench.remote` the one at any address of fsspec.

    cells/<recipe>/seed<k>-<id>/cell.json         the record, with the model and pictures beside it
    files/<recipe>/seed<k>-<id>/<attempt>/        in an object store: model and pictures; the record names the attempt's folder (`at`)
    failed/<recipe>/seed<k>-<id>.json             what went wrong, until the cell succeeds

A cell is finished exactly when its `cell.json` is there and whole. In a folder, a cell appears by one rename of its whole folder. An object
store has no such rename: there every attempt puts its files where no other one does, and creates `cell.json` last, only if there is none
yet. Either way the files that a record names are those that it was written with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dazoo.bench.record import Record


RECORD = "cell.json"

_CELL = re.compile(r"cells/([^/.][^/]*/[^/.][^/]*)/cell\.json")
_FAILED = re.compile(r"failed/([^/]+/seed\d+-[0-9a-f]{12})\.json")


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

    def cells(self) -> dict[str, bool]:
        """Whether the record is whole, by the path of each cell that has one. One that is empty or cut off makes no finished cell."""
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

    def finished(self) -> set[str]:
        """Paths of all finished cells."""
        return {path for path, whole in self.cells().items() if whole}

    def paths(self) -> set[str]:
        """Paths of all cells that have a record, whole or not."""
        return set(self.cells())

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

    def file(self, place: str, name: str) -> bytes:
        """A file of a finished cell, "samples.png"; `place` is that of its record.

        Raises:
            FileNotFoundError: it has none of that name.
        """
        return self.read(f"{place}/{name}")

    def records(self) -> Iterator[Record]:
        """Every record, sorted by path: finished cells, then the failed ones that did not succeed since.

        Raises:
            DataError: one is damaged; the message names it.
        """
        paths = self.paths()
        yield from self._of([f"cells/{path}/{RECORD}" for path in sorted(paths)])
        yield from self._of([f"failed/{path}.json" for path in sorted(self.failed() - paths)])

    def done(self) -> Iterator[Record]:
        """Records of the finished cells, sorted by path; records that are empty or cut off are passed over.

        Raises:
            DataError: one is whole and no record.
        """
        return self._of([f"cells/{path}/{RECORD}" for path in sorted(self.finished())])

    def _of(self, names: Sequence[str]) -> Iterator[Record]:
        for name, text in self._read_all(names):
            yield self._parsed(name, text)

    def _read_all(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """What stands at each place; what was removed meanwhile is left out."""
        for name in names:
            with suppress(FileNotFoundError):
                yield name, self.read(name)

    def _parsed(self, name: str, text: bytes) -> Record:
        return Record.from_text(text, f"{self.address}: {name}")


def cells_of(names: Iterable[str]) -> set[str]:
    """Paths of the cells whose records are among these names below a store; other files are passed over."""
    return {match[1] for name in names if (match := _CELL.fullmatch(name))}


def failures_of(names: Iterable[str]) -> set[str]:
    """Paths of the failed cells, likewise."""
    return {match[1] for name in names if (match := _FAILED.fullmatch(name))}
