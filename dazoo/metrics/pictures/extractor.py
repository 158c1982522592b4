"""A network that reads pictures for a figure: what it is, at which size it reads, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.metrics.pictures.given import floats_of


FILTER = "bilinear, antialiased"
"""How pictures are resized. Without the antialiasing of a shrinking resize FID changes by more than between GANs (Parmar et al. 2022)."""

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in grey (BT.601), as Pillow has them."""


@dataclass(frozen=True)
class Extractor:
    """A network and how it is used. `dazoo.models.extracting.extractor_of` makes one of an entry, a model or a file of weights.

    Attributes:
        name: what protocols call it.
        digest: sha256 of its weights.
        size: side of the pictures that it reads, pixels.
        read: pictures (N, channels, size, size) float in [-1, 1] to features (N, D) and logits (N, K), or None for no logits. It must
            run without dropout and without batch statistics: a figure may not depend on which pictures share a batch.
        channels: 1 or 3.
        layers: pictures (N, channels, H, W) to feature maps (N, C, h, w), the finest first; for LPIPS-like distances alone.
        batch: pictures in one pass.
    """

    name: str
    digest: str
    size: int
    read: Callable[[Tensor], tuple[Tensor, Tensor | None]]
    channels: int = 3
    layers: Callable[[Tensor], Sequence[Tensor]] | None = None
    batch: int = 64

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        """uint8 pictures (N, C, H, W) of any size to features (N, D) and logits (N, K), float64 on the CPU.

        Raises:
            DataError: features that are not finite, or not one row for each picture.
        """
        rows, logits = [], []
        with torch.inference_mode():
            for piece in pixels.split(self.batch):
                found, scores = self.read(prepared(floats_of(piece), self.channels, self.size))
                if found.ndim != 2 or len(found) != len(piece):
                    raise DataError(f"{self.name} gives features {tuple(found.shape)} for {len(piece)} pictures; expected (N, D).")
                rows.append(found.detach().cpu().double())
                if scores is not None:
                    logits.append(scores.detach().cpu().double())
        features = torch.cat(rows).clone()
        if not torch.isfinite(features).all():
            raise DataError(f"{self.name} gives features that are not finite; its weights are broken, or it is no network for pictures.")
        return features, torch.cat(logits).clone() if logits else None

    def maps(self, pixels: Tensor) -> Sequence[Tensor]:
        """uint8 pictures (N, C, H, W) at their own size to feature maps.

        Raises:
            SettingsError: it has none.
        """
        if self.layers is None:
            raise SettingsError(
                f"{self.name} gives no feature maps, which an LPIPS-like distance is taken on; use a file of vgg16_features weights."
            )
        with torch.inference_mode():
            return self.layers(prepared(floats_of(pixels), self.channels, None))


def prepared(images: Tensor, channels: int, size: int | None) -> Tensor:
    """Pictures (N, C, H, W) in [-1, 1] with so many channels and of so many pixels a side; None leaves the size."""
    if images.shape[1] == 3 and channels == 1:
        images = (images * images.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    elif images.shape[1] == 1 and channels == 3:
        images = images.expand(-1, 3, -1, -1)
    if size is None or images.shape[2:] == (size, size):
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False).clamp(-1, 1)
