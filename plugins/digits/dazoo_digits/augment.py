"""How digits may change: they lean and move, and are never mirrored."""

from __future__ import annotations

from dazoo.augmentations import Augment
from dazoo.contracts import Augmentation


class Digits(Augmentation):
    """Views of digits: small affine changes, as in self-ensembling's digit experiments (French et al., ICLR 2018), and larger ones."""

    weak = Augment(rotate=10, scale=0.1, shift=0.08, shear=0.1)
    strong = Augment(rotate=12, scale=0.15, shift=0.12, shear=0.15, noise=0.1)
