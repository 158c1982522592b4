"""Colour of pictures: the Y channel of super-resolution's tables, the a and b of CIE Lab, and how colourful a picture is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dazoo.errors import DataError
from dazoo.metrics.pictures.given import pixels_of


_Y = (65.481 / 255, 128.553 / 255, 24.966 / 255)
_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
"""Linear sRGB to XYZ (IEC 61966-2-1, white point D65)."""
_WHITE = (0.95047, 1.0, 1.08883)


def luminance(pixels: Tensor) -> Tensor:
    """uint8 (N, C, H, W) to Y in 16..235, (N, 1, H, W) float64: BT.601 as MATLAB's rgb2ycbcr, which tables of super-resolution use.

    A grey picture counts as one whose three colours are equal.
    """
    rgb = pixels.double().expand(-1, 3, -1, -1)
    return 16 + (rgb * rgb.new_tensor(_Y).view(1, 3, 1, 1)).sum(1, keepdim=True)


def lab(pixels: Tensor) -> Tensor:
    """uint8 sRGB pictures (N, 3, H, W) to CIE Lab, (N, 3, H, W) float64: L in 0..100, a and b about -100..100."""
    rgb = pixels.double() / 255
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = torch.einsum("ij,njhw->nihw", linear.new_tensor(_TO_XYZ), linear) / linear.new_tensor(_WHITE).view(1, 3, 1, 1)
    f = torch.where(xyz > (6 / 29) ** 3, xyz.clamp_min(0) ** (1 / 3), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return torch.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def ab_error(real: Tensor, drawn: Tensor) -> Tensor:
    """(N,) mean over the pixels of the distance in a and b of Lab, of uint8 pictures (N, 3, H, W)."""
    return (lab(real)[:, 1:] - lab(drawn)[:, 1:]).norm(dim=1).mean((1, 2))


def colourfulness(pictures: Any) -> Tensor:
    """(N,) colourfulness of pictures (Hasler and Süsstrunk 2003): 0 grey, about 15 slightly, 45 fairly and 109 extremely colourful.

    Args:
        pictures: a uint8 array (N, H, W, 3), or a tensor (N, 3, H, W), float in [-1, 1] or uint8.

    Raises:
        DataError: no such pictures.
    """
    pixels = pixels_of(pictures, "The pictures", least=1)
    if pixels.shape[1] != 3:
        raise DataError("Grey pictures have no colour to measure; give pictures of 3 channels.")
    red, green, blue = pixels.double().unbind(1)
    rg, yb = (red - green).flatten(1), ((red + green) / 2 - blue).flatten(1)
    spread = (rg.var(1, correction=0) + yb.var(1, correction=0)).sqrt()
    return spread + 0.3 * (rg.mean(1).square() + yb.mean(1).square()).sqrt()
