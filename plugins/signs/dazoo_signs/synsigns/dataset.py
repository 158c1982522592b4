"""The drawn signs as data sets: `synsigns_vienna` and `synsigns_indian`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from dazoo.contracts.dataset import Dataset
from dazoo.contracts.images import ImageSet
from dazoo.data.cache import cached
from dazoo.data.cache import files_key
from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo_signs.synsigns.classes import CLASSES
from dazoo_signs.synsigns.classes import VARIANTS
from dazoo_signs.synsigns.render import render_set


class SynSigns(Dataset):
    """Signs that are drawn when they are asked for, and kept as a pack in the cache folder.

    Args:
        variant: "vienna" (German look) or "indian".
        count: training pictures; None for 100 a class. The test split has 30 a class, or `count` * 0.3.
        seed: another seed gives other pictures.

    Raises:
        SettingsError: an unknown variant, or a count or seed that is out of range.
    """

    classes = CLASSES
    terms: ClassVar[str] = "drawn by dazoo; no photograph in it; as dazoo's own licence"
    weights_may_be_shared = True

    def __init__(self, *, variant: str, count: int | None = None, seed: int = 0) -> None:
        if variant not in VARIANTS:
            raise SettingsError(f"Unknown variant {variant!r}; the sign renderer draws {', '.join(VARIANTS)}.")
        if (count is not None and count < len(CLASSES)) or seed < 0:
            raise SettingsError(f"count={count}, seed={seed}: expected a count of at least {len(CLASSES)}, one a class, and a seed from 0.")
        self.variant, self.count, self.seed = variant, count or 100 * len(CLASSES), seed

    def load(self, split: str, root: Path | None = None, *, size: int = 48, download: bool = False) -> ImageSet:
        """The pictures of one split, "train" or "test"; `root` and `download` have no effect.

        Raises:
            DataError: no such split.
            SettingsError: a size under 16 px.
        """
        if split not in ("train", "test"):
            raise DataError(f"synsigns_{self.variant} has no split {split!r}; it has train and test.")
        n = self.count if split == "train" else max(len(CLASSES), self.count * 3 // 10)
        code = sorted(Path(__file__).parent.glob("*.py"))  # a change of the drawings makes kept copies stale
        key = files_key(code, self.variant, split, n, self.seed, size, CLASSES)
        return cached(
            f"synsigns_{self.variant}-{split}-{size}",
            key,
            lambda: render_set(n, variant=self.variant, seed=self.seed, size=size, split=split),
            terms=self.terms,
        )
