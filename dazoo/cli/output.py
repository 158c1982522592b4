"""Writing: data on standard output, words on standard error, colour on terminals alone, strict JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from dazoo.cli import PipeClosed
from dazoo.plain import strict_json


def emit(text: str = "") -> None:
    """A line of data on standard output."""
    try:
        print(text, flush=not sys.stdout.isatty())
    except BrokenPipeError:
        raise PipeClosed from None
    except UnicodeEncodeError:  # a terminal or pipe that cannot show a class name
        print(text.encode("ascii", "backslashreplace").decode(), flush=True)


def emit_json(value: Any) -> None:
    """One JSON document; what is not finite becomes null, so that every parser takes it."""
    emit(strict_json(value, indent=2))


def emit_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows in columns on a terminal; in a pipe, tab-separated lines without the header, as scripts want them."""
    lines = [["" if cell is None else " ".join(str(cell).split()) for cell in row] for row in rows]
    if not lines:
        return
    if not sys.stdout.isatty():
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
    lines = [list(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))] if lines else []
    for line in lines:
        emit((" " * indent + "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True))).rstrip())


def title(text: str) -> None:
    """A heading of a report."""
    bold = sys.stdout.isatty() and not _no_colour()
    emit(f"\033[1m{text}\033[0m" if bold else text)


def say(message: str) -> None:
    """A line for the person, on standard error."""
    print(f"dazoo: {message}", file=sys.stderr)


def _no_colour() -> bool:
    import os

    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def per_cent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
