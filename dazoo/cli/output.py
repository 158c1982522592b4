"""Writing: data on standard output, words on standard error, colour on terminals alone, strict JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from dazoo.plain import strict_json
from dazoo.streams import is_terminal
from dazoo.streams import one_line
from dazoo.streams import printable
from dazoo.streams import tell


class PipeClosed(Exception):
    """Whoever reads standard output has gone; there is nobody to write for."""


def emit(text: str = "") -> None:
    """A line of data on standard output; what a terminal would obey is spelled out (see `printable`)."""
    _write(printable(text))


def _write(text: str) -> None:
    try:
        print(text, flush=not is_terminal(sys.stdout))
    except BrokenPipeError:
        raise PipeClosed from None
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, "standard output") from exc
    except UnicodeEncodeError:  # a terminal or pipe that cannot show a class name
        encoding = sys.stdout.encoding or "ascii"
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def emit_json(value: Any) -> None:
    """One JSON document; what is not finite becomes null, so that every parser takes it."""
    emit(strict_json(value, indent=2))


def emit_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows in columns on a terminal; in a pipe, tab-separated lines without the header, as scripts want them.

    A tab or a line feed inside a cell (a file system allows both in a name) is spelled out, so that a row is a line and a cell a field.
    """
    lines = [["" if cell is None else one_line(str(cell)) for cell in row] for row in rows]
    if not lines:
        return
    if not is_terminal(sys.stdout):
        emit("\n".join("\t".join(line) for line in lines))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(header):
        table.add_column(name, no_wrap=i < len(header) - 1, overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
    Console(file=sys.stdout).print(table)


def emit_columns(rows: Iterable[Sequence[str]], indent: int = 0) -> None:
    """Short rows in aligned columns, the same on a terminal and in a pipe."""
    lines = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))] if lines else []
    for line in lines:
        emit((" " * indent + "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True))).rstrip())


def title(text: str) -> None:
    """A heading of a report."""
    bold = is_terminal(sys.stdout) and not _no_colour()
    _write(f"\033[1m{printable(text)}\033[0m" if bold else printable(text))


def say(message: str) -> None:
    """A line for the person, on standard error."""
    tell(f"dazoo: {message}")


def _no_colour() -> bool:
    import os

    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
