"""Arrays of pictures: another size, another number of channels."""

from __future__ import annotations

import numpy as np
from PIL import Image


class Cropped(int):
    """A side in pixels, like any other, of squares into which pictures come with their proportions: the short side is resized to it, and
    the middle is kept. To a plain number both sides are squashed. Whatever takes a `size` takes either.

    Example:
        >>> Cropped(128) == 128, Cropped(128)
        (True, Cropped(128))
    """

    def __repr__(self) -> str:  # it is part of the keys of decoded copies
        return f"Cropped({int(self)})"

    __str__ = int.__repr__  # in sentences it is a number


def part_shown(width: int, height: int, size: int) -> tuple[float, float, float, float]:
    """What of a picture is resized to the square: all of it, or of a `Cropped` size its middle; x1, y1, x2, y2 in pixels."""
    side = min(width, height)
    if not isinstance(size, Cropped):
        return 0, 0, width, height
    return (width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2


def resized(images: np.ndarray, size: int) -> np.ndarray:
    """Pictures (N, H, W, C) uint8 as (N, size, size, C): antialiased Lanczos downwards, bilinear (no ringing) upwards.

    An array that has the size already is returned as it is, so a memory map stays one.
    """
    n, height, width, channels = images.shape
    if (height, width) == (size, size):
        return images
    how = Image.Resampling.LANCZOS if min(height, width) > size else Image.Resampling.BILINEAR
    out, box = np.empty((n, size, size, channels), np.uint8), part_shown(width, height, size)
    for i, picture in enumerate(images):
        grey = channels == 1
        shown = Image.fromarray(picture[..., 0] if grey else picture).resize((size, size), how, box=box)
        out[i] = np.asarray(shown).reshape(size, size, channels)
    return out


def with_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Pictures (N, H, W, 1 or 3) uint8 with `channels` channels: grey is repeated, RGB is weighted (ITU-R 601)."""
    have = images.shape[3]
    if have == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=3)
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    out = np.empty((*images.shape[:3], 1), np.uint8)
    for i in range(0, len(images), 1024):  # by pieces: the float copy of a whole set would not fit
        out[i : i + 1024, ..., 0] = np.rint(images[i : i + 1024] @ weights)
    return out
