"""Scores that tell pictures like those of the training from pictures of something else; higher is more alike.

Hendrycks and Gimpel 2017 (highest probability), Hendrycks et al. 2022 (highest logit), Liu et al. 2020 (energy), Lee et al. 2018
(Mahalanobis distance), Sun et al. 2022 (distance to the nearest neighbour). `docs/scores.md` compares them; the nearest neighbour won, and
`Familiar` is what a model keeps of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dazoo.errors import DataError


MARKS = 101
"""Quantiles that `Familiar` keeps: each per cent."""
_ROWS = 4096
"""Features that are compared with the bank at a time."""


@dataclass(frozen=True)
class Familiar:
    """How near a feature lies to what the model learnt from, on a scale that means something.

    The raw score is the cosine between a pooled feature and its nearest neighbour among training features. `marks` turn it into a share:
    0.05 says that 5 % of the held-out source pictures that the model reads right lie farther away.

    Attributes:
        bank: (M, D) training features of length 1.
        marks: (101,) quantiles of the raw score, 0 % to 100 %, of those held-out pictures.
    """

    bank: Tensor
    marks: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Pooled features (..., D) to shares (...) in [0, 1], float32 on the CPU."""
        raw = self.raw(features)
        marks = self.marks.float()
        above = torch.searchsorted(marks, raw.contiguous(), right=True).clamp(1, len(marks) - 1)
        low, high = marks[above - 1], marks[above]
        part = ((raw - low) / (high - low).clamp_min(1e-9)).clamp(0, 1)
        return (above - 1 + part) / (len(marks) - 1)

    def raw(self, features: Tensor) -> Tensor:
        """Pooled features (..., D) to the cosine with the nearest neighbour (...), -1 to 1."""
        return nearest(features, self.bank)


def familiar_of(train: Tensor, right: Tensor) -> Familiar:
    """What a model keeps.

    Args:
        train: features (M, D) of training pictures, some of each class.
        right: features (N, D) of held-out source pictures that the model reads right.

    Raises:
        DataError: one of them has no rows.
    """
    if not len(train) or not len(right):
        raise DataError(f"{len(train)} training features and {len(right)} held-out ones; expected at least one of each.")
    bank = F.normalize(train.float(), dim=-1).half()
    marks = torch.quantile(nearest(right, bank).double(), torch.linspace(0, 1, MARKS, dtype=torch.float64))
    return Familiar(bank, marks.float())


def nearest(features: Tensor, bank: Tensor) -> Tensor:
    """Cosine of features (..., D) with their nearest neighbour in a bank (M, D) of unit rows, (...)."""
    rows, known = F.normalize(features.float().cpu().reshape(-1, features.shape[-1]), dim=-1), bank.float().cpu()
    found = [(part @ known.T).amax(1) for part in rows.split(_ROWS)]
    return torch.cat(found).reshape(features.shape[:-1]) if found else rows.new_zeros(features.shape[:-1])


def highest_probability(logits: Tensor) -> Tensor:
    """Logits (N, K) to the highest probability (N,)."""
    return logits.softmax(1).amax(1)


def highest_logit(logits: Tensor) -> Tensor:
    """Logits (N, K) to the highest of them (N,)."""
    return logits.amax(1)


def energy(logits: Tensor) -> Tensor:
    """Logits (N, K) to the negative free energy (N,), the logarithm of the sum of their exponentials."""
    return logits.logsumexp(1)


def mahalanobis(features: Tensor, train: Tensor, labels: Tensor) -> Tensor:
    """Features (N, D) to the negative squared distance (N,) to the nearest class mean, in the metric of the classes' common covariance.

    Args:
        train: features (M, D). labels: (M,) their classes.
    """
    means = torch.stack([train[labels == k].mean(0) for k in labels.unique()]).double()
    rest = train.double() - means[torch.searchsorted(labels.unique(), labels)]
    covariance = rest.T @ rest / len(rest)
    covariance += 1e-4 * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=torch.float64)
    precision = torch.linalg.inv(covariance)
    away = features.double()[:, None] - means[None]  # (N, K, D)
    return -torch.einsum("nkd,de,nke->nk", away, precision, away).amin(1).float()


def auroc(known: np.ndarray | Tensor, strange: np.ndarray | Tensor) -> float:
    """Chance that a known picture scores higher than a strange one, ties counting half; 0.5 tells nothing apart."""
    known, strange = np.asarray(known, np.float64), np.asarray(strange, np.float64)
    if not known.size or not strange.size:
        raise DataError(f"{known.size} known and {strange.size} strange scores; expected at least one of each.")
    order = np.sort(strange)
    below = np.searchsorted(order, known, "left") + np.searchsorted(order, known, "right")
    return float(below.mean() / (2 * strange.size))
