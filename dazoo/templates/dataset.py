"""A data set. This one draws its pictures, so that it needs no files; the comment in `load` shows how to read a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dazoo.contracts import Dataset
from dazoo.contracts import ImageSet
from dazoo.errors import DataError


class MyThing(Dataset):
    """Bright bars, upright or lying, on a ground of noise.

    Args:
        ground: mean grey value of the ground, in 0 to 255.
    """

    classes = ("upright", "lying")
    terms = "drawn by code; free"  # licence or terms of use, one line
    weights_may_be_shared = True  # whether the terms let weights that learnt from it be given to others

    def __init__(self, *, ground: int = 40) -> None:
        self.ground = ground

    def load(self, split: str, root: Path, *, size: int, download: bool = False) -> ImageSet:
        """See `Dataset.load`; images are (N, size, size, 3)."""
        # From one folder per class, root/my_thing/train/upright/*.png, with dazoo.data:
        #     folder = find(root, (split,), "my_thing")
        #     if folder is None:
        #         raise missing("my_thing", root, (f"{split}/<class>/<pictures>",), "Get it from ...")
        #     return read_labelled(folder, size=size, classes=self.classes)
        if split not in ("train", "test"):
            raise DataError(f"my_thing has no split {split!r}; expected 'train' or 'test'.")
        count = {"train": 64, "test": 32}[split]
        rng = np.random.default_rng([self.ground, count])
        labels = np.arange(count) % 2
        images = np.clip(rng.normal(self.ground, 20, (count, size, size, 3)), 0, 255).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            at = int(rng.integers(size // 8, size - size // 4))
            (image[:, at : at + size // 8] if label == 0 else image[at : at + size // 8])[:] = 230
        return ImageSet("my_thing", images, labels.astype(np.int64), self.classes)
