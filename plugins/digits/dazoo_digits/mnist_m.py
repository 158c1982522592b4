"""MNIST-M: digits on photographs, made from MNIST and a folder of photographs."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dazoo.contracts.dataset import Dataset
from dazoo.contracts.images import ImageSet
from dazoo.data import cached
from dazoo.data import check_unpacked
from dazoo.data import files_key
from dazoo.data import find
from dazoo.data import is_picture_file
from dazoo.data import missing
from dazoo.data import picture_files
from dazoo.data import read_picture
from dazoo.data import with_channels
from dazoo.errors import DataError
from dazoo_digits.digits import MNIST
from dazoo_digits.digits import check_split


_SIDE = 28
_FOLDERS = ("photos", "BSDS500/data/images/train", "BSR/BSDS500/data/images/train", "bsds500/train")
_ARCHIVES = ("photos.tar.xz", "photos.tar.gz", "photos.tar", "BSR_bsds500.tgz", "bsds500_half.tar.xz")


class MNISTM(Dataset):
    """MNIST digits blended with random crops of photographs: |crop - digit| in each colour.

    Y. Ganin et al., "Domain-adversarial training of neural networks", JMLR 17 (2016), section 5.2.4, with BSDS500 as the
    photographs. The published file came of another random draw, so figures agree with published ones, pictures do not.

    Args:
        seed: fixes photographs and crops; the test split draws from seed + 1.
    """

    classes = MNIST.classes
    terms = "made from MNIST (CC BY-SA 3.0) and the photographs given; BSDS500: no licence stated, cite Arbelaez et al. 2011"

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def load(self, split: str, root: Path, *, size: int, download: bool = False) -> ImageSet:
        """See `Dataset.load`; MNIST and the photographs are read from `root`, photographs are never downloaded.

        Raises:
            DataError: MNIST or the photographs are not there, or no photograph is as large as a digit.
            PictureError: a damaged photograph, named.
        """
        check_split("mnist_m", split)
        source = find(root, (*_FOLDERS, *_ARCHIVES), "mnist_m")
        if source is None:
            how = "Put a few hundred photographs into photos/, or BSDS500 as it unpacks."
            raise missing("mnist_m", root, (*(f + "/" for f in _FOLDERS), *_ARCHIVES), how)
        digits = MNIST().load(split, root, size=_SIDE, download=download)
        files = picture_files(source) if source.is_dir() else [source]

        def make() -> ImageSet:
            rng = np.random.default_rng(self.seed + (split == "test"))
            images = blended(digits.images, list(photographs(source)), rng)
            return ImageSet("mnist_m", images, digits.labels, digits.classes)

        key = files_key(files, "mnist_m", self.seed, split, digits.digest())
        return cached(f"mnist_m-{split}", key, make, size=size, terms=self.terms)


def photographs(source: Path) -> Iterator[np.ndarray]:
    """The photographs (H, W, 3) uint8 of a folder or a tar archive, in order of name; those under `train` where there is such a folder.

    Raises:
        DataError: no photograph of at least 28x28 pixels, or a damaged archive.
    """
    found = 0
    for picture in _pictures(source):
        if min(picture.shape[:2]) >= _SIDE:
            found += 1
            yield picture
    if not found:
        raise DataError(f"{source} holds no photograph of at least {_SIDE}x{_SIDE} pixels; put some there.")


def blended(digits: np.ndarray, photos: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Grey digits (N, 28, 28, 1) on random crops of photographs: (N, 28, 28, 3), the absolute difference."""
    out = with_channels(digits, 3).astype(np.int16)
    for i, which in enumerate(rng.integers(len(photos), size=len(out))):
        photo = photos[which]
        y, x = (int(rng.integers(side - _SIDE + 1)) for side in photo.shape[:2])
        out[i] -= photo[y : y + _SIDE, x : x + _SIDE]
    return np.abs(out).astype(np.uint8)


def _pictures(source: Path) -> Iterator[np.ndarray]:
    if source.is_dir():
        yield from (read_picture(p) for p in picture_files(source))
        return
    try:
        with tarfile.open(source) as archive:
            members = sorted((m for m in archive if m.isfile() and is_picture_file(Path(m.name))), key=lambda m: m.name)
            train = [m for m in members if "train" in Path(m.name).parts[:-1]]
            wanted = {m.name for m in train or members}
            check_unpacked(source, sum(m.size for m in members if m.name in wanted))
            bytes_of = {m.name: file.read() for m in members if m.name in wanted and (file := archive.extractfile(m))}
    except MemoryError as error:
        raise DataError(f"{source} needs more memory than there is ({error}).") from error
    except (OSError, EOFError, ValueError, tarfile.TarError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{source} cannot be read as a tar archive ({error}); it may be truncated: fetch it again.") from error
    yield from (read_picture(data) for _, data in sorted(bytes_of.items()))
