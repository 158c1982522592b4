"""Twice and half the side of a picture, with the filter [1, 3, 3, 1] of StyleGAN2 and R3GAN, without a shift.

No convolution of each channel by itself: in bf16 on a CPU that is 5 to 10 times as slow.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def halve(x: Tensor) -> Tensor:
    """(N, C, h, w) to half the sides, rounded up: [1, 3, 3, 1] / 8 along each, zeros around the picture."""
    h, w = x.shape[2:]
    if h % 2 or w % 2:
        x = F.pad(x, (0, w % 2, 0, h % 2), mode="replicate")
    x = F.pad(x, (1, 1, 1, 1))
    x = (x[..., :-3:2] + x[..., 3::2] + 3 * (x[..., 1:-2:2] + x[..., 2:-1:2])) / 8
    return (x[..., :-3:2, :] + x[..., 3::2, :] + 3 * (x[..., 1:-2:2, :] + x[..., 2:-1:2, :])) / 8


def double(x: Tensor) -> Tensor:
    """(N, C, h, w) to twice the sides: [1, 3, 3, 1] / 4 along each, zeros around the picture."""
    return F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=2, mode="bilinear", align_corners=False)[..., 2:-2, 2:-2]
