"""GTSRB, the German Traffic Sign Recognition Benchmark."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np

from dazoo.contracts.images import ImageSet
from dazoo.data import find
from dazoo.data import missing
from dazoo.data import natural
from dazoo.data import read_files
from dazoo.data import read_npz
from dazoo.data import scan
from dazoo.errors import DataError
from dazoo.errors import OfflineError
from dazoo_signs.signs import SignSet


_TRAIN = ("gtsrb/GTSRB/Training", "GTSRB/Training", "GTSRB/Final_Training/Images")
_TEST = ("GTSRB/Final_Test/Images",)
_TABLE = "GT-final_test.csv"
_COUNTS = {"train": {"GTSRB/Training": 26_640, "Final_Training/Images": 39_209}, "test": {"Final_Test/Images": 12_630}}
"""Pictures of each official split, by the end of the folder's path."""
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
            if download:
                _check_whole(split, folder)
            return self._train(folder, size) if split == "train" else self._test(folder, size)
        # The archives' splits are other ones: their test pictures may be among the official training pictures.
        if archive is None or any(official.values()):
            looked = {"train": _TRAIN, "test": _TEST}[split] if any(official.values()) else (*_TRAIN, *_ARCHIVES)
            how = "--download (download=True) fetches it: about 190 MB for train, 90 MB for test."
            raise missing(self.name, root, looked, how, split=split)
        return self.from_archive(archive, split, size=size)

    def part(self, path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
        """A split of an archive; see `SignSet.part`."""
        if path.name == "gtsrb_32.npz":
            images, labels = read_npz(path, (f"x_{split}", f"y_{split}"))
            return images, labels
        images, labels, fold = read_npz(path, ("x", "y", "split"))
        if fold.shape != images.shape[:1] or labels.shape != fold.shape:
            raise DataError(f"{path} holds {images.shape[:1]} images, {labels.shape} labels, {fold.shape} splits; expected one of each.")
        keep = np.flatnonzero(fold == ("train", "test").index(split))
        return images[keep], labels[keep]

    def _train(self, folder: Path, size: int) -> ImageSet:
        found = scan(folder)
        paths = sorted(found.pictures + found.repeats, key=lambda p: natural(str(p)))  # the official count is one of names
        labels = np.array([_number(p.parent.name, folder) for p in paths], np.int64)
        return self._read(folder, "train", paths, labels, size)

    def _test(self, folder: Path, size: int) -> ImageSet:
        places = (folder, *list(folder.parents)[:3])
        table = next((p / _TABLE for p in places if (p / _TABLE).is_file()), None)
        if table is None:
            looked = "\n".join(f"  - {p / _TABLE}" for p in places)
            raise DataError(
                f"The labels of GTSRB's test pictures in {folder} are not there. Looked for\n{looked}\n"
                "The table is in the official archive GTSRB_Final_Test_GT.zip."
            )
        try:
            with table.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file, delimiter=";", skipinitialspace=True))
            paths, labels = [folder / r["Filename"] for r in rows], [_number(r["ClassId"], table) for r in rows]
        except (KeyError, TypeError, ValueError, OSError, csv.Error) as error:
            raise DataError(f"{table} is not the official table ({error!r}); expected ';' between columns Filename ... ClassId.") from error
        return self._read(folder, "test", paths, np.array(labels, np.int64), size)

    def _read(self, folder: Path, split: str, paths: list[Path], labels: np.ndarray, size: int) -> ImageSet:
        if not paths:
            raise DataError(f"{folder} holds no pictures; the archive was perhaps not unpacked to its end.")
        lacks = lacking(split, folder, len(paths))
        if lacks:
            warnings.warn(lacks, stacklevel=4)
        found = read_files(f"{self.name}-{split}", paths, labels, self.classes, size=size, terms=self.terms)
        return ImageSet(self.name, found.images, found.labels, found.classes)


def lacking(split: str, folder: Path, count: int) -> str:
    """A sentence where fewer pictures are there than in the official split that the folder's layout belongs to; else nothing."""
    whole = next((n for layout, n in _COUNTS[split].items() if folder.as_posix().endswith(layout)), max(_COUNTS[split].values()))
    if count >= whole:
        return ""
    return (
        f"{folder} holds {count:,} of the {whole:,} pictures of GTSRB ({split}): it was not unpacked to its end, or is a part of the set. "
        "For all of them remove the folder and fetch it again (dazoo data get gtsrb)."
    )


def _number(text: str | None, where: Path) -> int:
    """The number of a class.

    Raises:
        DataError: it is none of GTSRB's.
    """
    if not (isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) < 43):
        raise DataError(f"{where}: {str(text)[:40]!r} is no number of a class; GTSRB's run from 0 to 42 (folders 00000 to 00042).")
    return int(text)


def _check_whole(split: str, folder: Path) -> None:
    """See that what is there is all of it, where all of it was asked for.

    Raises:
        DataError: pictures are missing, as after unpacking that was interrupted.
    """
    found = scan(folder)
    lacks = lacking(split, folder, len(found.pictures) + len(found.repeats))
    if lacks:
        raise DataError(lacks)


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
