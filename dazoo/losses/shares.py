"""Running class shares of a stream of predictions: what label-shift-aware losses weigh, align and choose labels with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F


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
        counts = F.one_hot(labels, len(self.shares)).sum(0).clamp_min(1)  # bincount would wait for an accelerator
        weights = self.shares[labels] / counts[labels]
        return weights / weights.mean()

    def align(self, probabilities: Tensor, power: float = 1.0) -> Tensor:
        """Predictions (N, K) moved towards uniform shares: divided by the running ones to `power` (Berthelot et al., ICLR 2020)."""
        p = probabilities / self.shares.clamp_min(1e-4) ** power
        return p / p.sum(1, keepdim=True)

    @torch.no_grad()
    def pseudo_labels(
        self, probabilities: Tensor, threshold: float, power: float = 0.5, second: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Labels that do not collapse into the classes predicted most.

        Predictions are aligned to uniform shares first; then a class that is rarely predicted needs less confidence
        (FlexMatch, Zhang et al., NeurIPS 2021), down to half the threshold. The batch is taken into the shares.

        Args:
            probabilities: (N, K), a teacher's.
            threshold: confidence that a common class needs, in [0, 1).
            power: strength of the alignment; 0 is none.
            second: another opinion on the first n pictures, (n, K); where it names the same class, half the confidence will do.

        Returns:
            Labels (N,) int64, and 1.0 or 0.0 for each (N,): whether it is confident enough.
        """
        self.update(probabilities)
        confidence, labels = self.align(probabilities, power).max(1)
        learnt = (self.shares / self.shares.max())[labels]
        bar = threshold * (learnt / (2 - learnt)).clamp_min(0.5)
        if second is not None:
            agree = second.argmax(1) == labels[: len(second)]
            bar[: len(second)] *= torch.where(agree, 0.5, 1.0)
        return labels, (confidence >= bar).to(probabilities.dtype)
