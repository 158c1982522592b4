"""An LPIPS-like distance of two pictures: squared differences of unit feature vectors, averaged over positions and added over layers
(Zhang et al. 2018). Like it, not it: the published distance weighs channels by heads learnt from people's answers, and these are not here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dazoo.metrics.pictures.extractor import Extractor


PAIRS = 500
"""Pairs at most on which the diversity of a set is taken."""


def lpips_like(first: Tensor, second: Tensor, extractor: Extractor) -> Tensor:
    """(N,) distances of pairs of uint8 pictures (N, C, H, W) at their own size: 0 for equal ones.

    Raises:
        SettingsError: the extractor gives no feature maps.
    """
    found = []
    for a, b in zip(first.split(extractor.batch), second.split(extractor.batch), strict=True):
        pairs = zip(extractor.maps(a), extractor.maps(b), strict=True)
        layers = [(_unit(x) - _unit(y)).square().sum(1).mean((1, 2)) for x, y in pairs]  # (N,) each
        found.append(torch.stack(layers).sum(0).cpu().double())
    return torch.cat(found)


def diversity(pixels: Tensor, extractor: Extractor, seed: int) -> float:
    """Mean LPIPS-like distance of pictures (N, C, H, W) uint8 drawn by lot into pairs, at most `PAIRS` of them, no picture twice."""
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(seed))
    pairs = min(PAIRS, len(pixels) // 2)
    return lpips_like(pixels[order[:pairs]], pixels[order[pairs : 2 * pairs]], extractor).mean().item()


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)
