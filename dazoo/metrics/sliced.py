"""Sliced Wasserstein distance of two sets of pictures, on patches of their Laplacian pyramids: a figure that needs no network's weights.

Karras, Aila, Laine and Lehtinen, "Progressive growing of GANs", ICLR 2018, section 5.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


PATCH, PATCHES, PROJECTIONS, SMALLEST = 7, 64, 256, 16
"""Side of a patch in pixels, patches of a picture, directions, and the side of the smallest level."""


def sliced_wasserstein(real: Tensor, drawn: Tensor, seed: int = 0) -> list[float]:
    """Distances by level of the pyramid, the finest first, multiplied by 1000 as in the paper; smaller is better, and 0 is equality.

    Two halves of one set are not at 0 but at what their numbers leave, so compare figures of equal numbers alone.

    Args:
        real, drawn: (N, C, H, W) float; of the larger set the first pictures are taken.
        seed: of patches and directions.

    Raises:
        ValueError: pictures of different shapes, or smaller than a patch.
    """
    n = min(len(real), len(drawn))
    if real.shape[1:] != drawn.shape[1:] or min(real.shape[2:]) < PATCH or not n:
        raise ValueError(f"Pictures of shapes {tuple(real.shape)} and {tuple(drawn.shape)} cannot be compared.")
    random = torch.Generator().manual_seed(seed)
    found = []
    for one, other in zip(_pyramid(real[:n].float()), _pyramid(drawn[:n].float()), strict=True):
        found.append(1000 * _distance(_patches(one, random), _patches(other, random), random))
    return found


def _pyramid(images: Tensor) -> list[Tensor]:
    """Band-pass pictures (N, C, h, w) of each level, and what is left at the smallest."""
    levels = []
    while min(images.shape[2:]) >= 2 * SMALLEST:
        small = F.avg_pool2d(images, 2, ceil_mode=True)
        levels.append(images - F.interpolate(small, images.shape[2:], mode="bilinear", align_corners=False))
        images = small
    return [*levels, images]


def _patches(images: Tensor, random: torch.Generator) -> Tensor:
    """Patches at random places, each channel at mean 0 and deviation 1 over all of them, (N * PATCHES, C * PATCH^2)."""
    n, c, h, w = images.shape
    windows = images.unfold(2, PATCH, 1).unfold(3, PATCH, 1)  # (N, C, h', w', P, P)
    rows = torch.randint(h - PATCH + 1, (n, PATCHES), generator=random)
    columns = torch.randint(w - PATCH + 1, (n, PATCHES), generator=random)
    found = windows[torch.arange(n)[:, None], :, rows, columns]  # (N, PATCHES, C, P, P)
    found = found.reshape(n * PATCHES, c, PATCH * PATCH)
    deviation, mean = torch.std_mean(found, dim=(0, 2), keepdim=True)
    return ((found - mean) / deviation.clamp_min(1e-6)).flatten(1)


def _distance(one: Tensor, other: Tensor, random: torch.Generator) -> float:
    directions = torch.randn(one.shape[1], PROJECTIONS, generator=random)
    directions = directions / directions.norm(dim=0)
    return float(((one @ directions).sort(0).values - (other @ directions).sort(0).values).abs().mean())
