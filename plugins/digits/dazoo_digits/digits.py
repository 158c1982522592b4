"""MNIST and USPS: official splits, from the official files or from an archive."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dazoo.contracts.dataset import Dataset
from dazoo.contracts.images import ImageSet
from dazoo.data import cached
from dazoo.data import check_labelled
from dazoo.data import files_key
from dazoo.data import find
from dazoo.data import missing
from dazoo.data import read_npz
from dazoo.errors import DataError
from dazoo.errors import OfflineError


class Digits(Dataset):
    """Grey pictures of the ten digits. A subclass names its files and opens them."""

    classes = tuple("0123456789")
    name: str
    files: dict[str, tuple[str, ...]]
    """The official files of each split, relative to the folder that torchvision's data set is given."""

    def load(self, split: str, root: Path, *, size: int, download: bool = False) -> ImageSet:
        """See `Dataset.load`; the pictures are grey, (N, size, size, 1).

        Raises:
            DataError: not there, or damaged.
            OfflineError: the download failed.
        """
        check_split(self.name, split)
        archive = find(root, (f"{self.name}.npz",), self.name)
        home = self._home(root, split)
        if home is None and archive is None and download:
            home = root / self.name
            self._open(home, split, download=True)
        if home is not None:
            return self._kept([home / f for f in self.files[split]], split, size, lambda: self._open(home, split, download=False))
        if archive is not None:
            return self._kept([archive], split, size, lambda: read_npz(archive, (f"x_{split}", f"y_{split}")))
        raise missing(self.name, root, (f"{self.name}.npz", *self.files[split]), "--download (download=True) fetches it.")

    def official(self, folder: Path, split: str, download: bool) -> tuple[np.ndarray, np.ndarray]:
        """Images (N, H, W) uint8 and labels (N,) of a split, through torchvision's data set."""
        raise NotImplementedError(f"{type(self).__name__} must implement official(folder, split, download).")

    def _home(self, root: Path, split: str) -> Path | None:
        return next((p for p in (root / self.name, root) if all((p / f).is_file() for f in self.files[split])), None)

    def _kept(self, sources: list[Path], split: str, size: int, read: Callable[[], Sequence[np.ndarray]]) -> ImageSet:
        def make() -> ImageSet:
            images, labels = read()
            check_labelled(sources[0], images, labels, colour=False)
            return ImageSet(self.name, images[..., None], labels.astype(np.int64), self.classes)

        return cached(f"{self.name}-{split}", files_key(sources, split), make, size=size, terms=self.terms)

    def _open(self, folder: Path, split: str, *, download: bool) -> tuple[np.ndarray, np.ndarray]:
        try:
            if download:
                folder.mkdir(parents=True, exist_ok=True)
            return self.official(folder, split, download)
        except Exception as error:  # on damaged files torchvision's readers raise what comes
            if download:
                raise OfflineError(
                    f"{self.name} ({split}) could not be fetched: {error}. Try again where the network is, or copy "
                    f"{', '.join(self.files[split])} into {folder}."
                ) from error
            raise DataError(f"{self.name} ({split}) in {folder} is damaged ({error}); remove it and fetch it again.") from error


class MNIST(Digits):
    """Handwritten digits, 28x28: 60,000 for training, 10,000 for testing.

    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 1998.
    """

    name = "mnist"
    terms = "MNIST (Y. LeCun, C. Cortes): CC BY-SA 3.0"
    weights_may_be_shared = True
    hub_id = "ylecun/mnist"
    files = {
        "train": ("MNIST/raw/train-images-idx3-ubyte", "MNIST/raw/train-labels-idx1-ubyte"),
        "test": ("MNIST/raw/t10k-images-idx3-ubyte", "MNIST/raw/t10k-labels-idx1-ubyte"),
    }

    def official(self, folder: Path, split: str, download: bool) -> tuple[np.ndarray, np.ndarray]:
        """See `Digits.official`."""
        from torchvision.datasets import MNIST as Official  # only here: it imports torch

        data = Official(folder, train=split == "train", download=download)
        return data.data.numpy(), data.targets.numpy()


class USPS(Digits):
    """Digits from American envelopes, 16x16: 7,291 for training, 2,007 for testing.

    J. J. Hull, "A database for handwritten text recognition research", PAMI 16 (1994).
    """

    name = "usps"
    terms = "USPS (Hull 1994; Hastie et al.): no licence stated"
    files = {"train": ("usps.bz2",), "test": ("usps.t.bz2",)}

    def official(self, folder: Path, split: str, download: bool) -> tuple[np.ndarray, np.ndarray]:
        """See `Digits.official`."""
        from torchvision.datasets import USPS as Official  # only here: it imports torch

        data = Official(folder, train=split == "train", download=download)
        return data.data, np.asarray(data.targets)


def check_split(name: str, split: str) -> None:
    """Raises:
    DataError: the split is neither "train" nor "test".
    """
    if split not in ("train", "test"):
        raise DataError(f"{name} has the splits train and test, not {split!r}.")
