"""Silhouettes of procedural shapes as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from dazoo.contracts.dataset import Dataset
from dazoo.contracts.images import ImageSet
from dazoo.data.cache import cached
from dazoo.data.cache import files_key
from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo_volume_gans.rendering import silhouettes
from dazoo_volume_gans.shapes import KINDS
from dazoo_volume_gans.shapes import procedural


SIDE, BATCH = 32, 100
"""Voxels per side of what is looked at, and shapes that are made at once."""


class Silhouettes(Dataset):
    """Grey pictures of `procedural` shapes, made when they are asked for, and kept as a pack in the cache folder.

    Args:
        count: training pictures, as many of each kind; the test split has a quarter.
        seed: another seed gives other shapes.

    Raises:
        SettingsError: fewer than 16 pictures, or a seed below 0.
    """

    classes = KINDS
    terms: ClassVar[str] = "drawn by dazoo; as dazoo's own licence"
    weights_may_be_shared = True

    def __init__(self, *, count: int = 2000, seed: int = 0) -> None:
        if count < 16 or seed < 0:
            raise SettingsError(f"count={count}, seed={seed}: expected a count of at least 16 and a seed from 0.")
        self.count, self.seed = count, seed

    def load(self, split: str, root: Path | None = None, *, size: int = 32, download: bool = False) -> ImageSet:
        """The pictures of one split, "train" or "test"; `root` and `download` have no effect.

        Raises:
            DataError: no such split.
        """
        if split not in ("train", "test"):
            raise DataError(f"silhouettes has no split {split!r}; it has train and test.")
        n = self.count if split == "train" else self.count // 4
        code = [Path(__file__).with_name(name) for name in ("dataset.py", "rendering.py", "shapes.py")]
        key = files_key(code, split, n, self.seed, size)
        seed = 2 * self.seed + (split == "test")
        return cached(f"silhouettes-{split}-{size}", key, lambda: seen(n, size, seed), terms=self.terms)


def seen(n: int, size: int, seed: int) -> ImageSet:
    """Pictures (n, size, size, 1) of n shapes, the kinds in turn."""
    kinds = torch.arange(n) % len(KINDS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pictures = torch.cat([silhouettes(procedural(len(part), SIDE, kinds=part), size) for part in kinds.split(BATCH)])
    images = (pictures * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return ImageSet("silhouettes", images, kinds.numpy().astype(np.int64), KINDS)
