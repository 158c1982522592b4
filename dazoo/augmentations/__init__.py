"""Random views of whole batches, for training: `Augment` makes one of usual changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dazoo.lazy import lazy


if TYPE_CHECKING:
    from dazoo.augmentations.transforms import Augment as Augment

__all__ = ["Augment"]

__getattr__, __dir__ = lazy(__name__, {"transforms": ("Augment",)})
