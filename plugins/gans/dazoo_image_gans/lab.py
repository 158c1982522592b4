"""CIE L*a*b* of sRGB pictures and back, differentiable: lightness in [0, 100], a and b about [-110, 110], white D65."""

from __future__ import annotations

import torch
from torch import Tensor

from dazoo.losses.precision import full_precision


# IEC 61966-2-1: linear RGB to XYZ; its rows' sums are the white point.
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
KNEE = 6 / 29
"""Where CIE's cube root becomes a straight line, on the root's side."""


@full_precision
def lab_of(images: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) in [-1, 1] to L, a and b, (N, 3, H, W), in float32."""
    x = (images.float() + 1) / 2
    linear = torch.where(x <= 0.04045, x / 12.92, ((x.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)
    to_xyz = _matrix(images)
    xyz = torch.einsum("ij,njhw->nihw", to_xyz / to_xyz.sum(1, keepdim=True), linear)
    f = torch.where(xyz <= KNEE**3, xyz / (3 * KNEE**2) + 4 / 29, xyz.clamp_min(KNEE**3) ** (1 / 3))
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


@full_precision
def rgb_of(lab: Tensor) -> Tensor:
    """L, a and b (N, 3, H, W) to pictures in [-1, 1], (N, 3, H, W); colours that sRGB does not have are cut to those that it has."""
    lightness, a, b = lab.float().unbind(1)
    y = (lightness + 16) / 116
    f = torch.stack([y + a / 500, y, y - b / 200], 1)
    xyz = torch.where(f <= KNEE, 3 * KNEE**2 * (f - 4 / 29), f.clamp_min(KNEE) ** 3)
    to_xyz = _matrix(lab)
    linear = torch.einsum("ij,njhw->nihw", torch.linalg.inv(to_xyz), xyz * to_xyz.sum(1)[:, None, None])
    x = torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)
    return x.clamp(0, 1) * 2 - 1


def grey_of(images: Tensor) -> Tensor:
    """The greys (N, 1, H, W) in [-1, 1] that are as light as the pictures (N, C, H, W); grey pictures themselves."""
    if images.shape[1] == 1:
        return images
    lab = lab_of(images)
    return rgb_of(torch.cat([lab[:, :1], torch.zeros_like(lab[:, 1:])], 1)).mean(1, keepdim=True)


def _matrix(like: Tensor) -> Tensor:
    return torch.tensor(TO_XYZ, device=like.device, dtype=torch.float32)
