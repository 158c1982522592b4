"""Data sets that code draws: nothing to find, nothing to download."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import ClassVar

from dazoo.contracts.dataset import Dataset
from dazoo.contracts.images import ImageSet
from dazoo.data.cache import cached
from dazoo.data.cache import files_key
from dazoo.errors import DataError
from dazoo.errors import SettingsError


class Drawn(Dataset):
    """Pictures that are drawn when they are asked for, and kept as a pack in the cache folder.

    A subclass sets `name` and `classes` and implements `draw`. A change of any Python file beside the subclass's makes kept copies stale.

    Attributes:
        name: what the set is registered as.
        usual, least: training pictures unless another count is asked for, and the fewest.
        held_out: test pictures, in per cent of the training pictures; at least one of each class.

    Args:
        count: training pictures; None for `usual`.
        seed: another seed gives other pictures.

    Raises:
        SettingsError: fewer than `least` pictures, or a seed below 0.
    """

    name: str
    usual: ClassVar[int]
    least: ClassVar[int] = 20
    held_out: ClassVar[int] = 25
    terms: ClassVar[str] = "drawn by dazoo; no photograph in it; as dazoo's own licence"
    weights_may_be_shared = True

    def __init__(self, *, count: int | None = None, seed: int = 0) -> None:
        count = self.usual if count is None else count
        if count < self.least or seed < 0:
            raise SettingsError(f"count={count}, seed={seed}: expected a count of at least {self.least} and a seed from 0.")
        self.count, self.seed = count, seed

    def draw(self, n: int, size: int, split: str) -> ImageSet:
        """`n` pictures of `size` pixels a side; those of "test" are others than those of "train"."""
        raise NotImplementedError(f"{type(self).__name__} must implement draw(n, size, split).")

    def load(self, split: str, root: Path | None = None, *, size: int = 48, download: bool = False) -> ImageSet:
        """The pictures of one split, "train" or "test"; `root` and `download` have no effect.

        Raises:
            DataError: no such split.
        """
        if split not in ("train", "test"):
            raise DataError(f"{self.name} has no split {split!r}; it has train and test.")
        n = self.count if split == "train" else max(len(self.classes), self.count * self.held_out // 100)
        code = sorted(Path(inspect.getfile(type(self))).parent.glob("*.py"))
        key = files_key(code, self.name, split, n, self.seed, size, tuple(self.classes))
        return cached(f"{self.name}-{split}-{size}", key, lambda: self.draw(n, size, split), terms=self.terms)
