"""Reading one picture, whatever its format and whatever carries it, to a square uint8 array."""

from __future__ import annotations

import io
import math
import os
import stat
from contextlib import AbstractContextManager
from contextlib import nullcontext
from typing import IO
from typing import Any

import numpy as np
from PIL import Image
from PIL import UnidentifiedImageError

from dazoo.data.formats import openable
from dazoo.data.pixels import part_shown
from dazoo.data.samples import full_scale
from dazoo.data.samples import to_8_bit
from dazoo.data.samples import upright
from dazoo.data.samples import white_is_zero
from dazoo.data.samples import without_talk
from dazoo.errors import PictureError
from dazoo.plain import native


Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels of the picture as it is seen; x2 and y2 are the first pixel outside."""

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image
"""What a picture may be read from."""


_DRAFT = 4
"""A JPEG is decoded at no less than this many times the side wanted: the array of its pixels then gives the same within rounding."""


def read_picture(source: Source, *, size: int | None = None, channels: int = 3, box: Box | None = None) -> np.ndarray:
    """One picture as (H, W, channels) uint8, 0..255.

    The camera's orientation (EXIF, XMP) is applied, palettes are resolved, transparency is laid on white, deep samples are scaled by the
    range that their format gives, CMYK and other colour spaces are converted; of an animation the first frame is taken. Nothing else of the
    metadata is looked at, so nothing in it can make a picture damaged.

    Args:
        source: a path, the bytes of a file, a file opened for bytes, or a Pillow image, which stays as it is.
        size: side of the square that the picture is squashed to, or of a `Cropped` one, pixels; None keeps its size.
        channels: 3 for RGB, 1 for grey.
        box: the part to take.

    Raises:
        PictureError: no such file, no picture, a damaged or truncated one, one that may not be read; the message names the file.
    """
    name = _name(source)
    size, channels, box = native(size), native(channels), native(box)
    try:
        with without_talk(), _open(source) as picture:
            if size and box is None and not isinstance(source, Image.Image):
                picture.draft(None, (_DRAFT * size, _DRAFT * size))  # lets a large JPEG be decoded at a fraction of its size
            return to_array(picture, size=size, channels=channels, box=box, mine=picture is not source)
    except PictureError as error:
        raise PictureError(f"{name}: {error}") from None
    except Exception as error:  # on damaged files Pillow's decoders raise OSError, SyntaxError, struct.error and more
        raise PictureError(_why(name, source, error)) from error


def to_array(picture: Image.Image, *, size: int | None = None, channels: int = 3, box: Box | None = None, mine: bool = False) -> np.ndarray:
    """A Pillow image as (H, W, channels) uint8; see `read_picture`.

    Args:
        mine: the image was opened here and may be changed.

    Raises:
        PictureError: the picture has no pixels, or the box has none of them.
    """
    if channels not in (1, 3):
        raise PictureError(f"channels is {channels}; pictures have 1 (grey) or 3 (RGB).")
    if 0 in picture.size:
        raise PictureError(f"the picture is {picture.width}x{picture.height} pixels, which is none at all.")
    full, inverted = full_scale(picture), white_is_zero(picture)
    picture = to_8_bit(upright(picture, mine=mine), full, inverted).convert("L" if channels == 1 else "RGB")
    if box is not None:
        picture = picture.crop(_inside(box, picture))
    if size and picture.size != (size, size):
        how = Image.Resampling.LANCZOS if min(picture.size) > size else Image.Resampling.BILINEAR
        picture = picture.resize((size, size), how, box=part_shown(*picture.size, size))
    return np.asarray(picture).reshape(picture.height, picture.width, channels)


def _inside(box: Box, picture: Image.Image) -> tuple[int, int, int, int]:
    """A box in whole pixels, cut at the picture's edge."""
    seen = f"{picture.width}x{picture.height} picture"
    if len(box) != 4 or not all(math.isfinite(v) for v in box):
        raise PictureError(f"the box {tuple(box)} is none; expected four finite numbers, x1 < x2, y1 < y2, inside the {seen}.")
    x1, y1, x2, y2 = (int(round(v)) for v in box)
    x1, y1, x2, y2 = max(0, x1), max(0, y1), min(picture.width, x2), min(picture.height, y2)
    if x2 <= x1 or y2 <= y1:
        raise PictureError(f"the box {tuple(box)} has no pixel of the {seen}; expected x1 < x2, y1 < y2, inside it.")
    return x1, y1, x2, y2


def _name(source: Source) -> str:
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "filename", "") or getattr(source, "name", "") or "The picture")


def _open(source: Any) -> AbstractContextManager[Image.Image]:
    """The image, closed at the end if it was opened here."""
    if isinstance(source, Image.Image):
        return nullcontext(source)
    if isinstance(source, str | os.PathLike):
        mode = os.stat(source).st_mode
        if not stat.S_ISREG(mode):  # a pipe or a device might never end
            raise IsADirectoryError if stat.S_ISDIR(mode) else PictureError("it is no ordinary file.")
        return Image.open(source, formats=openable())
    return Image.open(io.BytesIO(source.read() if hasattr(source, "read") else source), formats=openable())


def _why(name: str, source: Source, error: Exception) -> str:
    """A sentence for an exception: only what is damaged is called damaged."""
    if "\0" in name:
        return f"{name} is no path: no file system takes a zero byte in a name."
    if isinstance(error, FileNotFoundError):
        return f"{name}: no such file."
    if isinstance(error, IsADirectoryError):
        return f"{name} is a folder, expected a picture file."
    if isinstance(error, Image.DecompressionBombError):
        return f"{name} is too large for a picture: {error}. Scale it down first."
    if isinstance(error, MemoryError):
        return f"{name} needs more memory than there is. Scale it down first."
    if isinstance(error, UnidentifiedImageError):
        kinds = ", ".join(openable())
        return f"{name} is not a picture of a known format ({kinds}), or its beginning is damaged; remove, convert or replace it."
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name} cannot be read: {error.strerror or error}. The picture itself may be sound; see to its permissions, or to the disk."
    if isinstance(source, Image.Image):
        return f"{name} cannot be decoded ({error}); was its file closed, or is it damaged?"
    return f"{name} is damaged or truncated and cannot be decoded ({error}); remove or replace it."
