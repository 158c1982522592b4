"""MNIST and USPS."""

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


class _Digits(Dataset):
    classes = tuple("0123456789")
    name = ""

    def load(self, split: str, root: Path, *, size: int, download: bool = False) -> ImageSet:
        names = (f"{self.name}.npz",)
        path = find(root, names, self.name)
        if path is None:
            raise missing(self.name, root, names, "")
        images = cached(f"{self.name}-{split}", files_key([path], split), lambda: self._npz(path, split), terms=self.terms)
        return ImageSet(images.name, resized(images.images, size), images.labels, images.classes)

    def _npz(self, path: Path, split: str) -> ImageSet:
        images, labels = read_npz(path, (f"x_{split}", f"y_{split}"))
        return ImageSet(self.name, images[..., None], labels.astype(np.int64), self.classes)


class MNIST(_Digits):
    """Handwritten digits, 28x28."""

    name = "mnist"


class USPS(_Digits):
    """Digits from envelopes, 16x16."""

    name = "usps"
