"""Density and coverage (Naeem et al. 2020), which no library that is kept has. Precision calls a drawn picture good that lies within reach
of one real outlier; density counts within how many real pictures' reach it lies, and coverage how many real ones have a drawn one near.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dazoo.errors import DataError


NEAREST = 5
"""The neighbour whose distance is a real picture's reach; 5 in the paper. Two samples of one distribution then have a coverage of
1 - 1/2**5 = 0.969 for many pictures."""


def density_coverage(real: Tensor, drawn: Tensor, k: int = NEAREST) -> tuple[float, float]:
    """Density (1 for equal distributions, without an upper bound) and coverage in [0, 1].

    Args:
        real: features (N, D), N more than k.
        drawn: features (M, D).

    Raises:
        DataError: too few real pictures.
    """
    if len(real) <= k:
        raise DataError(f"There are {len(real)} real pictures; density and coverage with {k} neighbours need at least {k + 1}.")
    reach = torch.cat([torch.cdist(rows, real).kthvalue(k + 1, dim=1).values for rows in real.split(1024)])  # the first is itself, at 0
    within = torch.zeros(len(real), dtype=torch.int64)
    nearest = torch.full((len(real),), torch.inf, dtype=real.dtype)
    for rows in drawn.split(1024):
        far = torch.cdist(real, rows)  # (N, m)
        within += (far < reach[:, None]).sum(1)
        nearest = torch.minimum(nearest, far.min(1).values)
    return within.sum().item() / (k * len(drawn)), (nearest < reach).double().mean().item()
