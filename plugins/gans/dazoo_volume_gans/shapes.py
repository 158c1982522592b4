"""Volumes to learn from: made by a procedure, or read from a file; and how alike two volumes are."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dazoo.errors import DataError


KINDS = ("sphere", "box", "torus", "chair")


def procedural(n: int, side: int, device: torch.device | str = "cpu", kinds: Tensor | None = None) -> Tensor:
    """`n` random volumes (n, 1, side, side, side) of 0 and 1: spheres, boxes, tori and chairs of boxes, each of random size and pose.

    All are turned about the vertical axis; all but chairs, which stand, are tilted too.

    Args:
        kinds: (n,) indices into `KINDS`; None draws them.
    """
    if kinds is None:
        kinds = torch.randint(len(KINDS), (n,), device=device)
    line = (torch.arange(side, device=device) + 0.5) / side * 2 - 1
    z, y, x = torch.meshgrid(line, line, line, indexing="ij")  # depth, height (downwards), width
    points = torch.stack([x, -y, z], -1).reshape(1, -1, 3) - _between(n, -0.1, 0.1, device, 3)[:, None]  # (n, side^3, 3), y upwards
    yaw = _between(n, 0, 2 * math.pi, device)
    tilt = torch.where(kinds == KINDS.index("chair"), 0.0, _between(n, -0.5, 0.5, device))
    points = points @ _rotation(yaw, 0, 2) @ _rotation(tilt, 1, 2)
    solids = torch.stack([_sphere(points), _box(points), _torus(points), _chair(points)])  # (4, n, side^3)
    chosen = solids[kinds, torch.arange(n, device=device)]
    return chosen.float().reshape(n, 1, side, side, side)


def read_voxels(file: str | os.PathLike[str], side: int) -> Tensor:
    """The volumes (N, 1, side, side, side) of 0 and 1 of a NumPy archive, whose only array of four dimensions they are.

    A voxel of a coarser grid is full where any of the finer ones in it is, so that thin legs stay. The file's second axis counts upwards
    (ShapeNet's), that of the volumes downwards, as in pictures.

    Raises:
        DataError: no such file, or none with such an array.
    """
    path = Path(file).expanduser()
    try:
        with np.load(path) as archive:
            arrays = [archive[name] for name in archive.files]
    except (OSError, ValueError, zipfile.BadZipFile) as exc:
        raise DataError(f"{path} cannot be read as a NumPy archive (.npz) of volumes: {exc}.") from exc
    volumes = [array for array in arrays if array.ndim == 4 and array.dtype.kind in "buif"]
    if len(volumes) != 1 or not len(volumes[0]):
        raise DataError(f"{path} holds {len(volumes)} arrays of four dimensions; expected one, (N, depth, height, width).")
    solid = torch.from_numpy((volumes[0] > 0.5).astype(np.float32))[:, None]
    return F.adaptive_max_pool3d(solid, side).flip(3)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Voxels that both volumes fill over those that either fills, (N,); (N, ..., d, d, d), full above 0.5. Two empty ones are alike: 1."""
    a, b = (a > 0.5).flatten(1), (b > 0.5).flatten(1)
    both, either = (a & b).sum(1), (a | b).sum(1)
    return torch.where(either == 0, 1.0, both / either.clamp_min(1))


def _between(n: int, low: float, high: float, device: torch.device | str, *more: int) -> Tensor:
    return low + (high - low) * torch.rand(n, *more, device=device)


def _rotation(angle: Tensor, i: int, j: int) -> Tensor:
    """(n, 3, 3) rotations by (n,) radians in the plane of two axes."""
    turn = torch.eye(3, device=angle.device).repeat(len(angle), 1, 1)
    turn[:, i, i] = turn[:, j, j] = angle.cos()
    turn[:, i, j], turn[:, j, i] = angle.sin(), -angle.sin()
    return turn


def _sphere(p: Tensor) -> Tensor:
    return p.norm(dim=2) < _between(len(p), 0.4, 0.8, p.device, 1)


def _box(p: Tensor) -> Tensor:
    return (p.abs() < _between(len(p), 0.25, 0.7, p.device, 1, 3)).all(2)


def _torus(p: Tensor) -> Tensor:
    ring = _between(len(p), 0.45, 0.6, p.device, 1)
    return (p[..., [0, 2]].norm(dim=2) - ring) ** 2 + p[..., 1] ** 2 < _between(len(p), 0.15, 0.28, p.device, 1) ** 2


def _chair(p: Tensor) -> Tensor:
    """Four legs, a seat and a back, upright."""
    x, y, z = p.unbind(2)
    n, device = len(p), p.device
    half, seat, top = (_between(n, low, high, device, 1) for low, high in ((0.4, 0.6), (-0.25, 0.1), (0.6, 0.85)))
    thick = 0.13
    over_seat = (x.abs() < half) & (z.abs() < half)
    is_seat = over_seat & ((y - seat).abs() < thick)
    is_back = over_seat & (z < -half + 2 * thick) & (y > seat) & (y < top)
    corner = (x.abs() > half - 2 * thick) & (z.abs() > half - 2 * thick)
    is_leg = over_seat & corner & (y < seat) & (y > -0.8)
    return is_seat | is_back | is_leg
