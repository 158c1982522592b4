"""India."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dazoo.contracts.dataset import Dataset
from dazoo.contracts.images import ImageSet
from dazoo.data import cached
from dazoo.data import files_key
from dazoo.data import find
from dazoo.data import missing
from dazoo.data import read_npz
from dazoo.data import resized
from dazoo_signs.tables import class_names


class India(Dataset):
    """India."""

    def __init__(self) -> None:
        self.classes = class_names("india_classes.txt")

    def load(self, split: str, root: Path, *, size: int, download: bool = False) -> ImageSet:
        names = ("indian_signs_48.npz",)
        path = find(root, names, "india")
        if path is None:
            raise missing("india", root, names, "")
        images = cached("india", files_key([path]), lambda: self._npz(path), terms=self.terms)
        return ImageSet(images.name, resized(images.images, size), images.labels, images.classes)

    def _npz(self, path: Path) -> ImageSet:
        images, labels = read_npz(path, ("x", "y"))
        return ImageSet("india", images, labels.astype(np.int64), self.classes)
