"""Running class shares of a stream of predictions: what label-shift-aware losses weigh samples and choose labels with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.losses.adversarial import linear_start


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


class BalancedLabels(RunningShares):
    """Pseudo-labels that do not collapse into the classes predicted most.

    Offsets of the log-probabilities are learnt by dual ascent, so that with them every class is named equally often:
    balanced assignment (Asano et al., ICLR 2020; Caron et al., NeurIPS 2020) over a stream. Real shares are not equal, so the
    offsets fade between 0.6 and 0.8 of the run: classes are found first, and keep what they hold after. A class that is rarely
    predicted needs less confidence (FlexMatch, Zhang et al., NeurIPS 2021), down to half the threshold.

    Args:
        num_classes, decay: of the shares.
        rate: of the ascent, a batch.
    """

    offsets: Tensor

    def __init__(self, num_classes: int, decay: float = 0.99, rate: float = 0.03) -> None:
        super().__init__(num_classes, decay)
        self.rate = rate
        self.register_buffer("offsets", torch.zeros(num_classes))

    @torch.no_grad()
    def choose(
        self, probabilities: Tensor, threshold: float, progress: float, balance: float = 1.0, second: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Labels for a batch, which is taken into the shares and the offsets.

        Args:
            probabilities: (N, K), a teacher's.
            threshold: confidence that a common class needs, in [0, 1).
            progress: the run's clock in [0, 1].
            balance: strength of the offsets; 0 is none.
            second: another opinion on the first n pictures, (n, K); where it names the same class, half the confidence will do.

        Returns:
            Labels (N,) int64, and 1.0 or 0.0 for each (N,): whether it is confident enough.
        """
        self.update(probabilities)
        log_p = probabilities.clamp_min(1e-6).log()
        even = torch.softmax(log_p + self.offsets, 1).mean(0)  # (K,)
        self.offsets.add_(self.rate * (1 - len(even) * even)).clamp_(-6, 6)
        fade = 1 - linear_start(progress, 0.6, 0.2)
        confidence, labels = torch.softmax(log_p + balance * fade * self.offsets, 1).max(1)
        learnt = (self.shares / self.shares.max())[labels]
        bar = threshold * (learnt / (2 - learnt)).clamp_min(0.5)
        if second is not None:
            agree = second.argmax(1) == labels[: len(second)]
            bar[: len(second)] *= torch.where(agree, 0.5, 1.0)
        return labels, (confidence >= bar).to(probabilities.dtype)
