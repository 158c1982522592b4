"""Tables of picture files: CSV and TSV (path, label), and the image_list files of Transfer-Learning-Library ("path label" on a line)."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from dazoo.data.listing import Listing
from dazoo.errors import DataError


TABLES = (".csv", ".tsv", ".txt")
PATHS = frozenset("path file filename file_name filepath image img picture image_path".split())
LABELS = frozenset("label class category target classname class_name label_name".split())
"""What the columns are called in a header, in any case."""


LARGEST, LONGEST = 2**30, 2**16
"""Bytes of a table, and characters of one of its lines: a table of ten million pictures has less, and a file that is none is told soon."""
_PATH = 4096
"""Characters of a path; no system takes more."""


@dataclass(frozen=True)
class Row:
    """One line of a table: its number, the path as it is written, and the label ("" where there is none)."""

    line: int
    path: str
    label: str


def is_table(path: Path) -> bool:
    """Whether a path names a file that is read as a table of pictures."""
    return path.suffix.lower() in TABLES and path.is_file()


def read_table(path: Path) -> Listing:
    """The pictures of a table. Paths that are not absolute begin at the table's folder, or at the one above it (as for `image_list/x.txt`).

    Labels that are numbers stand for the folders that the pictures lie in, where each number has one folder and each folder one number.

    Raises:
        DataError: it is no UTF-8 text, is larger than any table, holds no picture, has a line without a path or with a file that is not
            there, or labels one file in two ways; the message names the line.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(
                f"{path} has {path.stat().st_size:,} bytes, more than any table of pictures ({LARGEST:,}); is it the right file?"
            )
        rows = list(_lines(path) if path.suffix.lower() == ".txt" else _cells(path))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from error
    except csv.Error as error:
        raise DataError(f"{path} cannot be read as a table ({error}); write one path and one label on each line.") from error
    if not rows:
        raise DataError(f"{path} lists no picture; write one path and one label on each line.")
    files = _found(path, rows)
    _check_once(path, rows, files)
    labels = [row.label or None for row in rows]
    folders = _folders(files, labels)
    numbers = sorted({int(label) for label in labels if label and label.isdecimal()})
    order = None
    if folders is not None:
        by_number = {int(label): folder for label, folder in zip(labels, folders, strict=True) if label and folder}
        order = [by_number[n] for n in numbers]
    return Listing(
        path.name, files, labels if any(labels) else None, folders=folders, order=order, place=lambda i: f"{path}, line {rows[i].line}"
    )


def _lines(path: Path) -> Iterator[Row]:
    """Lines of an image_list file; the label is what stands behind the last space, unless the whole line is a file."""
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(_bounded(path, stream), start=1):
            text = line.strip()
            if not text:
                continue
            pieces = text.rsplit(maxsplit=1)
            whole = len(pieces) == 1 or _resolved(path, text) is not None
            yield Row(number, text, "") if whole else Row(number, *pieces)


def _cells(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        first = stream.readline(LONGEST)
        stream.seek(0)
        mark = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=first.count)
        reader = csv.reader(_bounded(path, stream), delimiter=mark, strict=True)
        at_path, at_label, begun = 0, 1, False
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if not begun:
                begun = True
                header = [cell.lower() for cell in cells]
                named = [i for i, cell in enumerate(header) if cell in PATHS]
                if named and _resolved(path, cells[named[0]]) is None:
                    at_path = named[0]
                    other = [i for i in range(len(cells)) if i != at_path] if len(cells) == 2 else []
                    others = [i for i, cell in enumerate(header) if cell in LABELS] or other
                    at_label = others[0] if others else len(cells)
                    continue
            if at_path >= len(cells) or not cells[at_path]:
                raise DataError(f"{path}, line {reader.line_num}: no path in column {at_path + 1}; write the file of the picture there.")
            yield Row(reader.line_num, cells[at_path], cells[at_label] if at_label < len(cells) else "")


def _bounded(path: Path, stream: TextIO) -> Iterator[str]:
    """The lines of a stream.

    Raises:
        DataError: one is longer than `LONGEST`.
    """
    number = 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise DataError(f"{path}, line {number} has more than {LONGEST:,} characters; write one path and one label on each line.")
        yield line


def _resolved(table: Path, written: str) -> Path | None:
    """The file that a path in a table names, or None."""
    if len(written) > _PATH:
        return None
    wanted = os.path.expanduser(written)
    places = [wanted] if os.path.isabs(wanted) else [table.parent / wanted, table.parent.parent / wanted]
    return next((Path(place) for place in places if os.path.isfile(place)), None)


def _found(table: Path, rows: list[Row]) -> list[Path]:
    files = [_resolved(table, row.path) for row in rows]
    lost = [row for row, file in zip(rows, files, strict=True) if file is None]
    if lost:
        more = f"\n  and {len(lost) - 5} more" if len(lost) > 5 else ""
        listed = "".join(f"\n  line {row.line}: {row.path}" for row in lost[:5])
        raise DataError(
            f"{table}: {len(lost)} of {len(rows)} files are not there:{listed}{more}\n"
            f"Paths begin at {table.parent} or at {table.parent.parent}, unless they are absolute."
        )
    return [file for file in files if file is not None]


def _check_once(table: Path, rows: list[Row], files: list[Path]) -> None:
    seen: dict[Path, Row] = {}
    for row, file in zip(rows, files, strict=True):
        first = seen.setdefault(file, row)
        if first.label != row.label:
            raise DataError(
                f"{table}, line {row.line}: {row.path} is labelled {row.label or 'nothing'!r}, and in line {first.line} "
                f"{first.label or 'nothing'!r}; keep one of the two."
            )


def _folders(files: list[Path], labels: list[str | None]) -> list[str | None] | None:
    """The folders that numbers stand for, by picture; None where labels are no numbers, or numbers and folders no pairs."""
    if not all(label is None or label.isdecimal() for label in labels):
        return None
    pairs = {(label, file.parent.name) for file, label in zip(files, labels, strict=True) if label}
    if len(pairs) < 2 or len({n for n, _ in pairs}) < len(pairs) or len({f for _, f in pairs}) < len(pairs):
        return None
    return [file.parent.name if label else None for file, label in zip(files, labels, strict=True)]
