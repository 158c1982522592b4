"""How traffic signs may change: tilt, light and blur of a street, and never a flip, which makes another sign."""

from __future__ import annotations

from dazoo.augmentations import Augment
from dazoo.contracts import Augmentation


class Signs(Augmentation):
    """Views of traffic signs."""

    weak = Augment(
        rotate=12, scale=0.15, zoom=0.3, shift=0.08, shear=0.1, tilt=0.15, brightness=0.3, contrast=0.8,
        saturation=0.7, hue=0.04, gamma=1.2, blur=0.8, noise=0.06, cutout=0.25,
    )  # fmt: skip
    strong = Augment(
        rotate=18, scale=0.3, zoom=0.2, shift=0.12, shear=0.15, tilt=0.3, brightness=0.5, contrast=0.8,
        saturation=0.8, hue=0.06, gamma=1.2, blur=1.4, noise=0.15, cutout=0.45,
    )  # fmt: skip
