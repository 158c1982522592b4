"""Reading one picture, whatever its format, to a square uint8 array."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageOps
from PIL import UnidentifiedImageError

from dazoo.data.pixels import part_shown
from dazoo.errors import PictureError


Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels of the picture as it is seen; x2 and y2 are the first pixel outside."""

SUFFIXES = frozenset(".avif .bmp .dib .gif .jfif .jp2 .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tga .tif .tiff .webp".split())
"""Endings of the file names that are taken for pictures."""


def is_picture_file(path: Path) -> bool:
    """Whether the name looks like a picture's (hidden files, such as macOS's `._x.jpg`, do not)."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read_picture(
    source: str | os.PathLike[str] | bytes | Image.Image,
    *,
    size: int | None = None,
    channels: int = 3,
    box: Box | None = None,
) -> np.ndarray:
    """One picture as (H, W, channels) uint8, 0..255.

    The camera's orientation (EXIF) is applied, palettes are resolved, transparency is laid on white, 16-bit and
    floating-point greys are scaled, CMYK and other colour spaces are converted; of an animation the first frame is taken.

    Args:
        source: a path, the bytes of a file, or a Pillow image.
        size: side of the square that the picture is squashed to, or of a `Cropped` one, pixels; None keeps its size.
        channels: 3 for RGB, 1 for grey.
        box: the part to take.

    Raises:
        PictureError: no such file, no picture, a damaged or truncated one; the message names the file.
    """
    name = _name(source)
    try:
        with _open(source) as picture:
            if size and box is None:
                picture.draft(None, (2 * size, 2 * size))  # lets a large JPEG be decoded at a fraction of its size
            return to_array(picture, size=size, channels=channels, box=box)
    except FileNotFoundError:
        raise PictureError(f"{name}: no such file.") from None
    except IsADirectoryError:
        raise PictureError(f"{name} is a folder, expected a picture file.") from None
    except PictureError as error:
        raise PictureError(f"{name}: {error}") from None
    except Image.DecompressionBombError as error:
        raise PictureError(f"{name} is too large for a picture: {error}. Scale it down first.") from error
    except UnidentifiedImageError:
        raise PictureError(f"{name} is not a picture of a known format, or its beginning is damaged; remove or replace it.") from None
    except Exception as error:  # on damaged files Pillow's decoders raise OSError, SyntaxError, struct.error and more
        raise PictureError(f"{name} is damaged or truncated and cannot be decoded ({error}); remove or replace it.") from error


def to_array(picture: Image.Image, *, size: int | None = None, channels: int = 3, box: Box | None = None) -> np.ndarray:
    """A Pillow image as (H, W, channels) uint8; see `read_picture`.

    Raises:
        PictureError: the picture has no pixels, or the box has none of them.
    """
    if channels not in (1, 3):
        raise PictureError(f"channels is {channels}; pictures have 1 (grey) or 3 (RGB).")
    if 0 in picture.size:
        raise PictureError(f"the picture is {picture.width}x{picture.height} pixels, which is none at all.")
    picture = _to_8_bit(ImageOps.exif_transpose(picture)).convert("L" if channels == 1 else "RGB")
    if box is not None:
        x1, y1, x2, y2 = (int(round(v)) for v in box)
        x1, y1, x2, y2 = max(0, x1), max(0, y1), min(picture.width, x2), min(picture.height, y2)
        if x2 <= x1 or y2 <= y1:
            seen = f"{picture.width}x{picture.height} picture"
            raise PictureError(f"the box {tuple(box)} has no pixel of the {seen}; expected x1 < x2, y1 < y2, inside it.")
        picture = picture.crop((x1, y1, x2, y2))
    if size and picture.size != (size, size):
        how = Image.Resampling.LANCZOS if min(picture.size) > size else Image.Resampling.BILINEAR
        picture = picture.resize((size, size), how, box=part_shown(*picture.size, size))
    return np.asarray(picture).reshape(picture.height, picture.width, channels)


def _name(source: object) -> str:
    if isinstance(source, Image.Image):
        return str(getattr(source, "filename", "") or "The picture")
    return "The picture" if isinstance(source, bytes) else str(source)


def _open(source: str | os.PathLike[str] | bytes | Image.Image) -> Image.Image:
    if isinstance(source, Image.Image):
        return source.copy()
    return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)


def _to_8_bit(picture: Image.Image) -> Image.Image:
    """Without transparency, palette or deep samples: a mode that Pillow's `convert` handles."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return Image.fromarray(_scaled(np.asarray(picture), picture.mode))
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        white = Image.new("RGBA", seen.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, seen).convert("RGB")
    return picture


def _scaled(values: np.ndarray, mode: str) -> np.ndarray:
    """Deep grey samples to 0..255: 16 bits by their range, wider ones by what they hold (0..1, 0..255 or 0..65535)."""
    values = values.astype(np.float64)
    top = values.max()
    if not np.isfinite(values).all() or values.min() < 0 or top > 65535:
        run = f"its samples run from {values.min():g} to {top:g}"
        raise PictureError(f"{run}; expected 0..1, 0..255 or 0..65535. Convert it to 8 bits first.")
    if mode.startswith("I;16"):
        full = 65535
    else:
        full = 1 if mode == "F" and top <= 1 else 255 if top <= 255 else 65535
    return np.rint(values * (255 / full)).astype(np.uint8)
