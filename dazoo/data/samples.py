"""What a picture's file says of its samples: their depth and range, and how the camera was held; the rest of the metadata stays unread."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress

import numpy as np
from PIL import Image
from PIL import ImageCms

from dazoo.errors import PictureError


_ORIENTATION, _BITS, _PHOTOMETRIC, _LARGEST = 0x0112, 258, 262, 341
"""Tags of TIFF and EXIF: orientation, bits in a sample, what its zero means, the largest value of samples."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")

_lock = threading.Lock()
_inside = 0
_filters = warnings.catch_warnings()


@contextmanager
def without_talk() -> Iterator[None]:
    """Silence Pillow's remarks on metadata, which name no file and change no pixel, while pictures are read; on any number of threads."""
    global _inside, _filters
    with _lock:
        _inside += 1
        if _inside == 1:
            _filters = warnings.catch_warnings()
            _filters.__enter__()
            warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL(\.|$)")
            warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _filters.__exit__(None, None, None)


def upright(picture: Image.Image, *, mine: bool) -> Image.Image:
    """The picture, decoded, as it is seen: turned by the orientation in its metadata (EXIF, XMP, TIFF).

    Pillow's own `exif_transpose` also writes the metadata anew, which fails where a camera wrote something odd.

    Args:
        mine: the image was opened here, and may be changed.
    """
    turn = None
    if picture.format == "TIFF" and mine:  # Pillow would turn it while it is decoded, and read all of its tags
        turn = _orientation(picture)
        tags = picture.getexif()
        for tag in tuple(tags):
            del tags[tag]
    picture.load()
    turn = _orientation(picture) if turn is None else turn
    return picture.transpose(_TURNS[turn]) if turn in _TURNS else picture


def _orientation(picture: Image.Image) -> int:
    """1 to 8; 1 where the metadata says nothing or nothing that can be read."""
    with suppress(Exception):  # whatever a parser of metadata makes of damage
        return int(picture.getexif().get(_ORIENTATION, 1))
    return 1


def full_scale(picture: Image.Image) -> float | None:
    """The value of white in the deep grey samples of a picture, by its format; None where the format does not say."""
    if picture.format in ("PNG", "PPM", "JPEG2000") and picture.mode.startswith("I"):
        return 65535.0
    if picture.format == "TIFF":
        bits, largest = _tag(picture, _BITS), _tag(picture, _LARGEST)
        if picture.mode == "F":
            return largest if largest is not None and math.isfinite(largest) and largest > 0 else None
        if bits is not None and bits <= 16:
            return 2.0**bits - 1 if picture.mode.startswith("I;16") else 2.0 ** (bits - 1) - 1  # of "I", one bit is the sign
    return 65535.0 if picture.mode.startswith("I;16") else None


def white_is_zero(picture: Image.Image) -> bool:
    """Whether deep samples are darker the larger they are. Pillow turns samples of 8 bits and less around by itself."""
    return picture.format == "TIFF" and picture.mode.startswith("I") and _tag(picture, _PHOTOMETRIC) == 0


def _tag(picture: Image.Image, number: int) -> float | None:
    with suppress(Exception):
        value = picture.tag_v2.get(number)  # type: ignore[attr-defined]  # of TIFF files alone
        value = value[0] if isinstance(value, tuple) else value
        return None if value is None else float(value)
    return None


def to_8_bit(picture: Image.Image, full: float | None, inverted: bool) -> Image.Image:
    """Without transparency, palette or deep samples: a mode that Pillow's `convert` handles.

    Args:
        full, inverted: of `full_scale` and `white_is_zero`.

    Raises:
        PictureError: samples outside of their range, or a colour space that nobody here knows.
    """
    if picture.mode.startswith("I") or picture.mode == "F":
        values = _scaled(np.asarray(picture), full)
        return Image.fromarray(255 - values if inverted else values)
    if picture.mode in _ALPHA or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        white = Image.new("RGBA", seen.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, seen).convert("RGB")
    if picture.mode == "LAB":
        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, lab, rgb, outputMode="RGB")
        return picture if converted is None else converted
    return picture


def _scaled(values: np.ndarray, full: float | None) -> np.ndarray:
    """Deep grey samples to 0..255: by their format's range, else by what they hold (0..1, 0..255 or 0..65535)."""
    kind = values.dtype.kind
    values = values.astype(np.float64)
    low, top = values.min(), values.max()
    if not np.isfinite(values).all() or low < 0 or top > (full or 65535):
        expected = f"0..{full:g}, as its format says" if full else "0..1, 0..255 or 0..65535"
        raise PictureError(f"its samples run from {low:g} to {top:g}; expected {expected}. Convert it to 8 bits first.")
    if full is None:
        full = 1 if kind == "f" and top <= 1 else 255 if top <= 255 else 65535
    return np.rint(values * (255 / full)).astype(np.uint8)
