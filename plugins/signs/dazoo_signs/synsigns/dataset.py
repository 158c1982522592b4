"""The drawn signs as data sets: `synsigns_vienna` and `synsigns_indian`."""

from __future__ import annotations

from dazoo.contracts.images import ImageSet
from dazoo.data import Drawn
from dazoo.errors import SettingsError
from dazoo_signs.synsigns.classes import CLASSES
from dazoo_signs.synsigns.classes import VARIANTS
from dazoo_signs.synsigns.render import render_set


class SynSigns(Drawn):
    """Drawn signs.

    Args:
        variant: "vienna" (German look) or "indian".
        count: training pictures; None for 100 of each class. seed: see `dazoo.data.Drawn`.

    Raises:
        SettingsError: an unknown variant, or a count or seed that is out of range; on loading, a size under 16 px.
    """

    classes = CLASSES
    usual = 100 * len(CLASSES)
    least = len(CLASSES)
    held_out = 30

    def __init__(self, *, variant: str, count: int | None = None, seed: int = 0) -> None:
        if variant not in VARIANTS:
            raise SettingsError(f"Unknown variant {variant!r}; the sign renderer draws {', '.join(VARIANTS)}.")
        super().__init__(count=count, seed=seed)
        self.variant, self.name = variant, f"synsigns_{variant}"

    def draw(self, n: int, size: int, split: str) -> ImageSet:
        return render_set(n, variant=self.variant, seed=self.seed, size=size, split=split)
