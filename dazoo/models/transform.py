"""A model's preprocessing as a transform of torchvision, for a DataLoader of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torchvision.transforms import v2


class Prepare(v2.Transform):
    """Pillow images and uint8 tensors (C, H, W) to what a model takes, (C, size, size) float in [-1, 1]; labels beside them stay.

    Args:
        prepare: from one picture to a tensor; it must be picklable, for the workers of a DataLoader.
    """

    def __init__(self, prepare: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.prepare = prepare

    def transform(self, inpt: Any, params: dict[str, Any]) -> Tensor:
        """One picture, as v2 hands it on."""
        return self.prepare(inpt)
