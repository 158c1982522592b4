"""Running class shares of a stream of predictions: what label-shift-aware losses weigh and align with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn


class RunningShares(nn.Module):
    """Exponential mean of class probabilities, (K,), kept in a buffer so that it survives a resume.

    Args:
        num_classes: K. It starts uniform.
        decay: of the mean, in [0, 1).
    """

    shares: Tensor

    def __init__(self, num_classes: int, decay: float = 0.99) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("shares", torch.full((num_classes,), 1 / num_classes))

    @torch.no_grad()
    def update(self, probabilities: Tensor) -> None:
        """Take in a batch (N, K)."""
        self.shares.lerp_(probabilities.mean(0), 1 - self.decay)

    def importance(self, labels: Tensor) -> Tensor:
        """Weights (N,) of mean 1 that give labelled samples the class shares of the stream (Tachet des Combes et al., 2020)."""
        counts = torch.bincount(labels, minlength=len(self.shares)).clamp_min(1)
        weights = self.shares[labels] / counts[labels]
        return weights / weights.mean()

    def align(self, probabilities: Tensor, power: float = 1.0) -> Tensor:
        """Predictions (N, K) moved towards uniform shares: divided by the running ones to `power`, renormalised (Berthelot et al., ICLR 2020)."""
        p = probabilities / self.shares.clamp_min(1e-4) ** power
        return p / p.sum(1, keepdim=True)
