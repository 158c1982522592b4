"""Pictures of volumes that pass gradients on to them.

Gadelha, Maji and Wang, "3D shape induction from 2D views of multiple objects" (PrGAN), 3DV 2017, for the projection.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def silhouettes(volumes: Tensor, size: int, azimuth: Tensor | None = None) -> Tensor:
    """How much light the volumes stop on its way through them: pictures (N, 1, size, size) in [0, 1].

    A pixel is 1 - exp(-what lies behind it).

    Args:
        volumes: (N, 1, d, d, d) in [0, 1]: depth, height, width. They are looked at along their depth.
        azimuth: (N,) radians that each is turned by about its vertical axis first.
    """
    if azimuth is not None:
        volumes = turned(volumes, azimuth)
    seen = 1 - torch.exp(-volumes.float().sum(2))  # (N, 1, d, d)
    return F.interpolate(seen, size=(size, size), mode="bilinear", align_corners=False)


def turned(volumes: Tensor, azimuth: Tensor) -> Tensor:
    """Volumes (N, 1, d, d, d) turned by (N,) radians about their vertical axis; what comes in from outside is empty."""
    cos, sin, no = azimuth.cos(), azimuth.sin(), torch.zeros_like(azimuth)
    rows = [torch.stack(row, 1) for row in ((cos, no, sin, no), (no, no + 1, no, no), (-sin, no, cos, no))]
    grid = F.affine_grid(torch.stack(rows, 1), list(volumes.shape), align_corners=False)
    return F.grid_sample(volumes.float(), grid, align_corners=False)
