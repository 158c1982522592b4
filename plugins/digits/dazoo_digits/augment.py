"""How digits may change: they lean and move, and are never mirrored."""

from __future__ import annotations

from dazoo.augmentations import Augment
from dazoo.contracts import Augmentation


class Digits(Augmentation):
    """Views of digits; the weak one changes nothing."""

    strong = Augment(rotate=12, scale=0.15, shift=0.12, shear=0.15, noise=0.1)
