"""Checks before training: two domains that differ in size, channels or range train without complaint, and fail.

USPS at 0-255 beside MNIST at 0-1 once cost its users everything but chance (10 %); here it is an error that says which and how.
"""

from __future__ import annotations

import numpy as np

from dazoo.contracts.dataset import Domains
from dazoo.contracts.images import ImageSet
from dazoo.errors import DataError


_SAMPLE = 512
_FULL = 128
"""Values between the darkest and the lightest ten-thousandth of a set that was not divided by a number too often."""


def check_domains(domains: Domains, *, size: int | None = None, channels: int | None = None) -> None:
    """Compare the two sides of a task: size, channels, range of values, classes.

    Args:
        domains: both sides.
        size: side of the square pictures that training expects, pixels; None: only that all agree.
        channels: channels that training expects; None: only that all agree.

    Raises:
        DataError: which side does not fit, and how to fix it.
    """
    train, target = domains.source_train, domains.target_train
    sides = {"source": train, "source test": domains.source_test, "target": target, "target test": domains.target_test}
    want = (size, size) if size else train.size
    for side, images in sides.items():
        if images.size != want:
            raise DataError(
                f"The {side} pictures ({images.name}) are {images.size[0]}x{images.size[1]} pixels, expected {want[0]}x{want[1]}: "
                f"load both sides with size={want[0]}, or resize them with dazoo.data.resized(images, {want[0]})."
            )
        if images.channels != (channels or train.channels):
            raise DataError(
                f"The {side} pictures ({images.name}) have {images.channels} channel(s), expected {channels or train.channels}: "
                "convert them with dazoo.data.with_channels(images, n), or load both sides with the same channels=."
            )
        if images.classes != train.classes:
            differ = sorted(set(images.classes) ^ set(train.classes))
            raise DataError(
                f"The classes of the {side} pictures ({images.name}) are not those of the source ({train.name}); "
                f"they differ in {', '.join(differ) or 'their order'}. Use a scenario with a class mapping, or rename the class folders."
            )
    if train.labels is None:
        raise DataError(f"The source pictures ({train.name}) have no labels; the source side must have them: one folder per class.")
    if len(train.classes) < 2:
        raise DataError(f"The source ({train.name}) has the one class {train.classes[0]!r}; a classifier needs at least 2.")
    empty = [c for c, n in zip(train.classes, train.counts, strict=True) if n == 0]
    if empty:
        raise DataError(f"The source ({train.name}) has no picture of {', '.join(empty)}; add some, or leave the class out of the mapping.")
    _check_range(train, target)


def _histogram(images: ImageSet) -> np.ndarray:
    """How often each value occurs in some of the pictures, spread evenly, (256,). Counting takes 8 bytes a value, so a few go at a time."""
    chosen = np.linspace(0, len(images) - 1, min(len(images), _SAMPLE)).astype(int)
    pieces = (np.asarray(images.images[chosen[i : i + 16]]) for i in range(0, len(chosen), 16))
    return np.sum([np.bincount(piece.ravel(), minlength=256) for piece in pieces], axis=0)


def _check_range(source: ImageSet, target: ImageSet) -> None:
    facts, extents = {}, {}
    for side, images in (("source", source), ("target", target)):
        counts = _histogram(images)  # (256,)
        values, total = np.arange(256), counts.sum()
        mean = float(counts @ values / total)
        spread = float(np.sqrt(counts @ (values - mean) ** 2 / total))
        top = int(np.flatnonzero(counts)[-1])
        facts[side] = (mean, spread)
        low, high = np.searchsorted(counts.cumsum(), (1e-4 * total, (1 - 1e-4) * total))
        extents[side] = float(high - low)
        if top <= 1:
            raise DataError(
                f"The {side} pictures ({images.name}) hold no value above {top}, so they were stored as 0..1; dazoo's are uint8 0..255: "
                "multiply by 255 before rounding to uint8."
            )
        if spread < 1.0:
            raise DataError(
                f"The {side} pictures ({images.name}) are nearly constant (mean {mean:.1f}, standard deviation {spread:.2f} of 255): "
                "they were probably scaled twice, or the files are empty."
            )
    (mean_s, spread_s), (mean_t, spread_t) = facts["source"], facts["target"]
    ratio = max(spread_s, spread_t) / min(spread_s, spread_t)
    narrow = "source" if spread_s < spread_t else "target"
    if extents[narrow] > _FULL:  # dark lines on white paper spread little, but from one end of the range to the other
        return
    if ratio > 8 or (abs(mean_s - mean_t) > 96 and ratio > 4):
        raise DataError(
            f"The two sides have different ranges: source mean {mean_s:.1f}, deviation {spread_s:.1f}; target mean {mean_t:.1f}, "
            f"deviation {spread_t:.1f} (of 255). The {narrow} pictures look as if they were divided by a number once too often; "
            "bring them to 0..255 too, or spread their contrast if they are faint."
        )
