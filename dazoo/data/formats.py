"""Kinds of picture files: their endings, and those that Pillow may open.

Pillow knows formats that run another program (EPS calls Ghostscript), so a file's content is held against this list alone, whatever
its name.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path

from PIL import Image


FORMATS = {
    "AVIF": ".avif",
    "BMP": ".bmp",
    "DIB": ".dib",
    "GIF": ".gif",
    "JPEG": ".jpg .jpeg .jpe .jfif",
    "JPEG2000": ".jp2",
    "MPO": "",  # what some cameras put into a .jpg
    "PNG": ".png",
    "PPM": ".pbm .pgm .pnm .ppm",
    "TGA": ".tga",
    "TIFF": ".tif .tiff",
    "WEBP": ".webp",
}
"""Endings by Pillow's name of the format."""

SUFFIXES = frozenset(" ".join(FORMATS.values()).split())
"""Endings of the file names that are taken for pictures."""

_BEGINNINGS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n",
    b"GIF8",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"\0\0\0\x0cjP  ",
    *(f"P{n}\n".encode() for n in range(1, 7)),
)


@cache
def openable() -> tuple[str, ...]:
    """The formats that this Pillow brings, for `Image.open(formats=...)`."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def is_picture_file(path: Path) -> bool:
    """Whether the name looks like a picture's (hidden files, such as macOS's `._x.jpg`, do not)."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def looks_like_picture(path: Path) -> bool:
    """Whether a file begins as pictures do, whatever its name."""
    with suppress(OSError), path.open("rb") as file:
        start = file.read(16)
        return start.startswith(_BEGINNINGS) or start[:4] == b"RIFF" and start[8:12] == b"WEBP" or start[4:8] == b"ftyp"
    return False
