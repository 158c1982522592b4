"""Arrays of pictures: another size, another number of channels."""

from __future__ import annotations

import numpy as np
from PIL import Image


def resized(images: np.ndarray, size: int) -> np.ndarray:
    """Pictures (N, H, W, C) uint8 as (N, size, size, C): antialiased Lanczos downwards, bilinear (no ringing) upwards.

    An array that has the size already is returned as it is, so a memory map stays one.
    """
    n, height, width, channels = images.shape
    if (height, width) == (size, size):
        return images
    how = Image.Resampling.LANCZOS if min(height, width) > size else Image.Resampling.BILINEAR
    out = np.empty((n, size, size, channels), np.uint8)
    for i, picture in enumerate(images):
        grey = channels == 1
        out[i] = np.asarray(Image.fromarray(picture[..., 0] if grey else picture).resize((size, size), how)).reshape(size, size, channels)
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
