"""Words for a person: standard error, which may be closed, broken or missing (pythonw, a service, `2>&-`)."""

from __future__ import annotations

import re
import sys
from typing import Any


_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and line feed, marks that turn the direction of text, and bytes that are no text."""


def is_terminal(stream: Any) -> bool:
    """Whether somebody looks at the stream: it is there, open, and a terminal."""
    try:
        return bool(stream.isatty())
    except (AttributeError, OSError, ValueError):  # None, or an object without the method; gone; closed
        return False


def printable(text: str) -> str:
    """Text that changes nothing but the place where it is printed: whatever a terminal would obey or hide is spelled out."""
    return _HIDDEN.sub(_spelled, text)


def one_line(text: str) -> str:
    """`printable` text in one line: tabs and line feeds are spelled out too, spaces stay as they are."""
    return printable(text).replace("\t", "\\t").replace("\n", "\\n")


def tell(text: str) -> None:
    """A line on standard error. Where nobody can read it, nothing happens: work never ends because of a word about it."""
    if sys.stderr is None:  # print() would take standard output then, which is for data
        return
    try:
        print(printable(text), file=sys.stderr, flush=True)
    except (OSError, ValueError):  # a full disk, a reader that has gone; a stream that was closed
        pass


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # the byte of a file name that is not UTF-8
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
