"""Real Indian traffic signs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dazoo.contracts.images import ImageSet
from dazoo.data import Box
from dazoo.data import class_folders
from dazoo.data import find
from dazoo.data import missing
from dazoo.data import picture_files
from dazoo.data import read_files
from dazoo.data import voc_boxes
from dazoo.errors import DataError
from dazoo_signs.signs import SignSet


_FOLDERS = ("IndianTSR/sample_dataset", "sample_dataset", "IndianTSR", "india")
_ARCHIVES = ("indian_signs_48.npz",)


class India(SignSet):
    """Indian traffic signs, 66 classes: the 60 of IndianTSR in its order, then 6 more.

    S. Thomas, J. Varghese, J. Mathew, "Progressive Knowledge Distillation for Extreme Model Compression in Traffic Sign
    Detection" (under review at The Visual Computer, 2025).

    Read from one folder per class (class names as in `classes`, a leading number such as `001_` is allowed), from the layout of
    IndianTSR (pictures with Pascal VOC boxes; each box is cut out with a tenth of its width and height around it), or from
    an archive `indian_signs_48.npz`.

    There is no official split, and the public pictures are few. "train" and "test" therefore both give all of them: the
    set is the target of an adaptation, which reads the pictures without their labels (the transductive setting), and is
    measured on the same pictures.
    """

    name = "india"
    terms = "IndianTSR: available for academic research purposes only; the archive's other photographs: no licence stated"

    def load(self, split: str, root: Path, *, size: int, download: bool = False) -> ImageSet:
        """See `Dataset.load`; both splits are the same pictures. There is no download.

        Raises:
            DataError: not there, or folders or boxes of an unknown class.
            PictureError: damaged pictures, named.
        """
        self.check_split(split)
        folder = find(root, _FOLDERS, self.name)
        if folder is not None and folder.is_dir() and not any((folder / a).is_file() for a in _ARCHIVES):
            return self._boxes(folder, size) if any(folder.rglob("*.xml")) else self._folders(folder, size)
        archive = find(root, _ARCHIVES, self.name)
        if archive is None:
            how = "Its home is https://github.com/ShineyThomas/IndianTSR (a public sample; the rest on request). It is not fetched for you."
            raise missing(self.name, root, ("india/<class>/<pictures>", "IndianTSR/sample_dataset/", *_ARCHIVES), how)
        return self.from_archive(archive, "all", size=size)

    def _folders(self, folder: Path, size: int) -> ImageSet:
        if not any(re.match(r"\d+_", p.name) for p in folder.iterdir() if p.is_dir()):
            return self.from_class_folders(folder, size=size)
        pairs = [(path, re.sub(r"^\d+_", "", inner.name)) for inner in class_folders(folder) for path in picture_files(inner)]
        return self._read(folder, [p for p, _ in pairs], [label for _, label in pairs], size)

    def _boxes(self, folder: Path, size: int) -> ImageSet:
        boxes = voc_boxes(folder, border=0.1)
        return self._read(folder, [(b.picture, b.box) for b in boxes], [b.label for b in boxes], size)

    def _read(self, folder: Path, pictures: Sequence[Path | tuple[Path, Box]], names: list[str], size: int) -> ImageSet:
        strange = sorted(set(names) - set(self.classes))
        if strange or not names:
            raise DataError(f"{folder} has {'classes that are not known: ' + ', '.join(strange) if strange else 'no picture in it'}.")
        labels = np.array([self.classes.index(n) for n in names], np.int64)
        return read_files(self.name, pictures, labels, self.classes, size=size, terms=self.terms)
