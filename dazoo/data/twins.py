"""Pictures that are there twice: the same file, the same pixels, or nearly."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from dazoo.data.looking import Look


BITS, ALIKE = 44, 0.98
"""Near duplicates differ in at most so many of 256 bits of their difference hash, and their thumbnails correlate by so much at least.
Photographs of PACS saved again as JPEG of quality 40, or at half the size, differ in up to 43 bits, and different ones in 81 or more.
Different sketches, whose paper is alike, differ in 12, and correlate less. Neighbours in a video may be as close as copies."""

FLAT = 4.0
"""Standard deviation of a thumbnail below which it is too plain to be compared."""

MOST = 4000
"""Pictures that are compared in pairs."""


def same(looks: Sequence[Look]) -> list[list[Look]]:
    """Groups of pictures with the same content: equal files, or equal size and pixels of the thumbnail."""
    groups: dict[object, list[Look]] = {}
    for look in looks:
        groups.setdefault((look.size, look.pixels.tobytes()), []).append(look)
    return [group for group in groups.values() if len(group) > 1]


def near(first: Sequence[Look], second: Sequence[Look] | None = None) -> list[tuple[Look, Look]]:
    """Pairs that nearly look the same and are not the same: within one list, or from one to the other. At most `MOST` of each take part."""
    mine = [look for look in first if look.pixels.std() >= FLAT][:MOST]
    other = mine if second is None else [look for look in second if look.pixels.std() >= FLAT][:MOST]
    if not mine or not other:
        return []
    a, b = _hashes(mine), _hashes(other)
    found = []
    for i, row in enumerate(a):
        start = i + 1 if second is None else 0
        close = np.flatnonzero(_ones[row ^ b[start:]].sum(1, dtype=np.int32) <= BITS) + start
        found += [(mine[i], other[j]) for j in close if _alike(mine[i], other[j])]
    return found


def between(one: Sequence[Look], other: Sequence[Look]) -> list[tuple[Look, Look]]:
    """Pairs with the same content from one list to the other."""
    mine = set(map(id, one))
    return [
        (a, b) if id(a) in mine else (b, a)
        for group in same([*one, *other])
        for a, b in combinations(group, 2)
        if (id(a) in mine) != (id(b) in mine)
    ]


def _alike(a: Look, b: Look) -> bool:
    """Whether two pictures are not the same, and their thumbnails tell it to nobody."""
    if a.size == b.size and np.array_equal(a.pixels, b.pixels):
        return False
    return float(np.corrcoef(a.pixels.ravel(), b.pixels.ravel())[0, 1]) >= ALIKE


def _hashes(looks: Sequence[Look]) -> np.ndarray:
    """Difference hashes (N, 32) uint8: whether each of 16 x 16 points is brighter than the one to its right."""
    thumbs = np.stack([look.pixels for look in looks]).mean(3)  # (N, 32, 32)
    points = thumbs.reshape(len(thumbs), 16, 2, 32).mean(2)  # rows in pairs
    left, right = points[:, :, :-1:2], points[:, :, 1::2]
    return np.packbits((left > right).reshape(len(thumbs), -1), axis=1)


_ones = np.array([bin(i).count("1") for i in range(256)], np.uint8)
