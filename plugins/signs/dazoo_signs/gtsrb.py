"""GTSRB, the German Traffic Sign Recognition Benchmark."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from dazoo.contracts.images import ImageSet
from dazoo.data import find
from dazoo.data import missing
from dazoo.data import picture_files
from dazoo.data import read_files
from dazoo.data import read_npz
from dazoo.errors import DataError
from dazoo.errors import OfflineError
from dazoo_signs.signs import SignSet


_TRAIN = ("gtsrb/GTSRB/Training", "GTSRB/Training", "GTSRB/Final_Training/Images")
_TEST = ("GTSRB/Final_Test/Images",)
_ARCHIVES = ("gtsrb_48.npz", "gtsrb_32.npz")


class GTSRB(SignSet):
    """German traffic signs, 43 classes; the class index is the official one.

    J. Stallkamp, M. Schlipsing, J. Salmen, C. Igel, "Man vs. computer: benchmarking machine learning algorithms for
    traffic sign recognition", Neural Networks 32 (2012).

    Read from the official layout, as torchvision's data set downloads and keeps it (`download=True` calls that) or as the
    official archives unpack, else from an archive `gtsrb_48.npz` or `gtsrb_32.npz`. Where both archives are there the one
    of 48 pixels serves sizes above 32. The test split is the official one; `gtsrb_48.npz` has none, so there it is its
    held-out tracks (a track is 30 pictures of one sign; none is in both splits).
    """

    name = "gtsrb"
    terms = "GTSRB (Institut fuer Neuroinformatik, Ruhr-Universitaet Bochum): see the terms at https://benchmark.ini.rub.de"

    def load(self, split: str, root: Path, *, size: int, download: bool = False) -> ImageSet:
        """See `Dataset.load`.

        Raises:
            DataError: not there, or only the other split of the official layout is.
            PictureError: damaged pictures, named.
            OfflineError: the download failed.
        """
        self.check_split(split)
        archive = find(root, _ARCHIVES if size > 32 else _ARCHIVES[::-1], self.name)
        official = {s: find(root, names, self.name) for s, names in (("train", _TRAIN), ("test", _TEST))}
        if official[split] is None and download and (archive is None or any(official.values())):
            _download(root, split)
            official[split] = find(root, {"train": _TRAIN, "test": _TEST}[split], self.name)
        folder = official[split]
        if folder is not None:
            return self._train(folder, size) if split == "train" else self._test(folder, size)
        # The archives' splits are other ones: their test pictures may be among the official training pictures.
        if archive is None or any(official.values()):
            looked = {"train": _TRAIN, "test": _TEST}[split] if any(official.values()) else (*_TRAIN, *_ARCHIVES)
            how = "--download (download=True) fetches it: about 190 MB for train, 90 MB for test."
            raise missing(f"{self.name} ({split})", root, looked, how)
        return self.from_archive(archive, split, size=size)

    def part(self, path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
        """A split of an archive; see `SignSet.part`."""
        if path.name == "gtsrb_32.npz":
            images, labels = read_npz(path, (f"x_{split}", f"y_{split}"))
            return images, labels
        images, labels, fold = read_npz(path, ("x", "y", "split"))
        keep = np.flatnonzero(fold == ("train", "test").index(split))
        return images[keep], labels[keep]

    def _train(self, folder: Path, size: int) -> ImageSet:
        paths = picture_files(folder)
        try:
            labels = np.array([int(p.parent.name) for p in paths], np.int64)
        except ValueError:
            raise DataError(f"{folder} should hold folders 00000 to 00042 of pictures; a folder's name there is no number.") from None
        return self._read(folder, "train", paths, labels, size)

    def _test(self, folder: Path, size: int) -> ImageSet:
        name = "GT-final_test.csv"
        table = next((p / name for p in (folder, *list(folder.parents)[:3]) if (p / name).is_file()), None)
        if table is None:
            raise missing(f"{self.name} (test labels)", folder.parent, (name,), "It is in the official archive GTSRB_Final_Test_GT.zip.")
        try:
            with table.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file, delimiter=";", skipinitialspace=True))
            paths, labels = [folder / r["Filename"] for r in rows], np.array([int(r["ClassId"]) for r in rows], np.int64)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{table} is not the official table ({error!r}); expected ';' between columns Filename ... ClassId.") from error
        return self._read(folder, "test", paths, labels, size)

    def _read(self, folder: Path, split: str, paths: list[Path], labels: np.ndarray, size: int) -> ImageSet:
        if not paths:
            raise DataError(f"{folder} holds no pictures; the archive was perhaps not unpacked to its end.")
        if labels.min() < 0 or labels.max() >= len(self.classes):
            raise DataError(f"{folder}: class numbers run from {labels.min()} to {labels.max()}; GTSRB's run from 0 to 42.")
        found = read_files(f"{self.name}-{split}", paths, labels, self.classes, size=size, terms=self.terms)
        return ImageSet(self.name, found.images, found.labels, found.classes)


def _download(root: Path, split: str) -> None:
    from torchvision.datasets import GTSRB as Official  # only here: it imports torch

    try:
        root.mkdir(parents=True, exist_ok=True)
        Official(root, split=split, download=True)
    except (OSError, RuntimeError) as error:
        raise OfflineError(
            f"GTSRB ({split}) could not be fetched: {error}. Try again where the network is, or copy the official archives "
            f"to {root / 'gtsrb'} and unpack them there."
        ) from error
