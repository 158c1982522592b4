"""Optdigits, handwritten digits that need no download, and the same hand on coloured grounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from dazoo.contracts.dataset import Dataset
from dazoo.contracts.images import ImageSet
from dazoo_digits.digits import check_split


_PARTS = {
    ("plain", "train"): (0, 800),
    ("plain", "test"): (800, 900),
    ("coloured", "train"): (900, 1400),
    ("coloured", "test"): (1400, 1797),
}
"""Pictures of each split, in the order of a fixed permutation: none is in two."""
_OCTAVES = ((2, 1.0), (4, 0.7), (8, 0.4), (16, 0.25))
"""Cells of a ground's grids, and their strength."""


class OptDigits(Dataset):
    """Handwritten digits, 8x8 pixels with 17 grey levels, that come with scikit-learn: the test part of the UCI set, 1,797 pictures.

    E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI machine learning repository (1998).

    Args:
        coloured: blend each digit with a coloured ground, |ground - digit| in each colour, as MNIST-M does with photographs (Ganin et al.,
            JMLR 2016). Plain and coloured pictures are of different digits.
    """

    classes = tuple("0123456789")
    terms = "Optdigits, UCI machine learning repository (Alpaydin and Kaynak 1998), CC BY 4.0"
    weights_may_be_shared = True

    def __init__(self, *, coloured: bool = False) -> None:
        self.coloured = coloured

    def load(self, split: str, root: Path, *, size: int, download: bool = False) -> ImageSet:
        """See `Dataset.load`; nothing is read from `root`. Images are (N, size, size, 1), coloured ones (N, size, size, 3)."""
        name = "optdigits_m" if self.coloured else "optdigits"
        check_split(name, split)
        found = load_digits()
        begin, end = _PARTS["coloured" if self.coloured else "plain", split]
        which = np.random.default_rng(0).permutation(len(found.images))[begin:end]
        digits = np.stack([_enlarged(found.images[i], size) for i in which])  # (N, size, size) uint8
        labels = found.target[which].astype(np.int64)
        if not self.coloured:
            return ImageSet(name, digits[..., None], labels, self.classes)
        grounds = np.stack([ground(np.random.default_rng(1000 + i), size) for i in which])  # (N, size, size, 3)
        blended = np.abs(grounds.astype(np.int16) - digits[..., None])
        return ImageSet(name, blended.astype(np.uint8), labels, self.classes)


def _enlarged(digit: np.ndarray, size: int) -> np.ndarray:
    """A digit (8, 8) in 0..16 as (size, size) uint8, with a margin like that of MNIST."""
    side = round(0.8 * size)
    out = np.zeros((size, size), np.uint8)
    at = (size - side) // 2
    picture = Image.fromarray((digit * (255 / 16)).astype(np.uint8))
    out[at : at + side, at : at + side] = np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))
    return out


def ground(rng: np.random.Generator, size: int) -> np.ndarray:
    """A soft coloured pattern, (size, size, 3) uint8: noise in octaves."""
    total = np.zeros((size, size, 3))
    for cells, strength in _OCTAVES:
        grid = rng.integers(0, 256, (cells + 1, cells + 1, 3), dtype=np.uint8)
        smooth = Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC)
        total += strength * (np.asarray(smooth, np.float64) / 255 - 0.5)
    total -= total.mean((0, 1))
    total /= np.abs(total).max() + 1e-6
    return np.clip((0.5 * total + 0.5) * rng.uniform(150, 255) + rng.uniform(-30, 30, 3), 0, 255).astype(np.uint8)
