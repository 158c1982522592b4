"""What the sign data sets have in common: archives, class tables, one size."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dazoo.contracts.dataset import Dataset
from dazoo.contracts.images import ImageSet
from dazoo.data import cached
from dazoo.data import check_labelled
from dazoo.data import files_key
from dazoo.data import read_labelled
from dazoo.data import read_npz
from dazoo.errors import DataError
from dazoo_signs.tables import class_names


class SignSet(Dataset):
    """A set of sign pictures; a subclass sets `name` and implements `load`. Class names stand in `<name>_classes.txt`."""

    name: str

    def __init__(self) -> None:
        self.classes = class_names(f"{self.name}_classes.txt")

    def check_split(self, split: str) -> None:
        """Raises:
        DataError: the split is neither "train" nor "test".
        """
        if split not in ("train", "test"):
            raise DataError(f"{self.name} has the splits train and test, not {split!r}.")

    def from_archive(self, path: Path, split: str, *, size: int) -> ImageSet:
        """One split of an `.npz` archive: arrays `x_<split>` and `y_<split>`, or `x`, `y` (see `part`), kept decoded in the cache."""

        def make() -> ImageSet:
            images, labels = self.part(path, split)
            check_labelled(path, images, labels, colour=True)
            return ImageSet(self.name, images, labels.astype(np.int64), tuple(self.classes))

        return cached(f"{self.name}-{path.stem}-{split}", files_key([path]), make, size=size, terms=self.terms)

    def part(self, path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Images (N, H, W, 3) and labels (N,) of a split of an archive; by default all of it, whatever the split."""
        images, labels = read_npz(path, ("x", "y"))
        return images, labels

    def from_class_folders(self, folder: Path, *, size: int) -> ImageSet:
        """One folder per class, with names of `classes` (some may be absent)."""
        found = read_labelled(folder, size=size, classes=self.classes)
        return ImageSet(self.name, found.images, found.labels, found.classes)
