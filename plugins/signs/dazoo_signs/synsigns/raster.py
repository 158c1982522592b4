"""Outlines to coverage masks: exact along x, four scan lines a pixel along y, many masks in one call.

All outlines of a mask have positive orientation, holes negative; the signed areas are summed and clipped to [0, 1], so
overlapping strokes unite. Crossings are rounded to 1/32 pixel and summed as integers: the result does not depend on the
order of a sum, hence not on the machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


_SUB = 4
"""Scan lines in one pixel row."""
_FINE = 32
"""Steps in one pixel along x."""


def coverage(outlines: Sequence[np.ndarray], height: int, width: int) -> np.ndarray:
    """How much of each pixel each outline covers.

    Args:
        outlines: for each mask its edges, (M, 2, 2) float64: edge, end, (x, y) in pixels; a pixel is 1 wide, the first begins at 0.
        height: rows of the masks.
        width: columns of the masks.

    Returns:
        (len(outlines), height, width) float32 in [0, 1].
    """
    if not outlines:
        return np.zeros((0, height, width), np.float32)
    edges = np.concatenate(outlines)
    slots = np.repeat(np.arange(len(outlines)), [len(edge) for edge in outlines])
    x, y = edges[:, :, 0], edges[:, :, 1] * _SUB - 0.5
    down = y[:, 1] > y[:, 0]
    top, bottom = np.where(down, y[:, 0], y[:, 1]), np.where(down, y[:, 1], y[:, 0])
    first = np.clip(np.ceil(top), 0, height * _SUB).astype(np.int64)
    last = np.clip(np.ceil(bottom), 0, height * _SUB).astype(np.int64)
    lines = last - first
    slope = (x[:, 1] - x[:, 0]) / np.where(y[:, 1] == y[:, 0], 1.0, y[:, 1] - y[:, 0])

    which = np.repeat(np.arange(len(edges)), lines)
    row = np.arange(len(which)) - np.repeat(np.cumsum(lines) - lines, lines) + first[which]
    crossing = x[which, 0] + (row - y[which, 0]) * slope[which]
    fine = np.clip(np.floor(crossing * _FINE + 0.5), 0, width * _FINE).astype(np.int64)
    cell, part = fine // _FINE, fine % _FINE
    sign = np.where(down, -1, 1)[which]
    columns = width + 2
    index = (slots[which] * height + row // _SUB) * columns + cell
    cells = len(outlines) * height * columns
    steps = np.bincount(index, weights=sign * (_FINE - part), minlength=cells) + np.bincount(
        index + 1, weights=sign * part, minlength=cells
    )
    covered = np.cumsum(steps.astype(np.int32).reshape(len(outlines), height, columns), axis=2)[:, :, :width]
    return np.clip(covered.astype(np.float32) * np.float32(1.0 / (_FINE * _SUB)), 0.0, 1.0)
