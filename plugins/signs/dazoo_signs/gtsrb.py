"""GTSRB, the German Traffic Sign Recognition Benchmark."""

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
from dazoo.errors import DataError
from dazoo_signs.tables import class_names


class GTSRB(Dataset):
    """German traffic signs, 43 classes.

    J. Stallkamp, M. Schlipsing, J. Salmen, C. Igel, "Man vs. computer: benchmarking machine learning algorithms for
    traffic sign recognition", Neural Networks 32 (2012).
    """

    terms = "GTSRB, Institut fuer Neuroinformatik, Ruhr-Universitaet Bochum; free for research, see https://benchmark.ini.rub.de"

    def __init__(self) -> None:
        self.classes = class_names("gtsrb_classes.txt")

    def load(self, split: str, root: Path, *, size: int, download: bool = False) -> ImageSet:
        names = ("gtsrb_48.npz", "gtsrb_32.npz") if size > 32 else ("gtsrb_32.npz", "gtsrb_48.npz")
        path = find(root, names, "gtsrb")
        if path is None:
            raise missing("gtsrb", root, names, "")
        key = files_key([path], split)
        images = cached(f"gtsrb-{split}", key, lambda: self._npz(path, split), terms=self.terms)
        return ImageSet(images.name, resized(images.images, size), images.labels, images.classes)

    def _npz(self, path: Path, split: str) -> ImageSet:
        if path.name == "gtsrb_32.npz":
            images, labels = read_npz(path, (f"x_{split}", f"y_{split}"))
        else:
            images, labels, part = read_npz(path, ("x", "y", "split"))
            keep = np.flatnonzero(part == ("train", "test").index(split))
            images, labels = images[keep], labels[keep]
        return ImageSet("gtsrb", images, labels.astype(np.int64), self.classes)
