"""Silhouettes of procedural shapes as a data set."""

from __future__ import annotations

import numpy as np
import torch

from dazoo.contracts.images import ImageSet
from dazoo.data import Drawn
from dazoo_volume_gans.rendering import silhouettes
from dazoo_volume_gans.shapes import KINDS
from dazoo_volume_gans.shapes import procedural


SIDE, BATCH = 32, 100
"""Voxels per side of what is looked at, and shapes that are made at once."""


class Silhouettes(Drawn):
    """Grey pictures of `procedural` shapes, the kinds in turn. `count` and `seed`: see `dazoo.data.Drawn`."""

    name = "silhouettes"
    classes = KINDS
    usual = 2000

    def draw(self, n: int, size: int, split: str) -> ImageSet:
        kinds = torch.arange(n) % len(KINDS)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(2 * self.seed + (split == "test"))
            pictures = torch.cat([silhouettes(procedural(len(part), SIDE, kinds=part), size) for part in kinds.split(BATCH)])
        images = (pictures * 255).round().byte().permute(0, 2, 3, 1).numpy()
        return ImageSet(self.name, images, kinds.numpy().astype(np.int64), KINDS)
