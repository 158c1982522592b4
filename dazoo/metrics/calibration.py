"""Whether scores mean what they say: temperature scaling, the reliability curve and the expected calibration error.

Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
"""

from __future__ import annotations

from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional as F

from dazoo.errors import DataError


BINS = 15
"""Intervals of equal width, as in the paper."""
LOWEST, HIGHEST = 0.05, 20.0
"""Bounds of a fitted temperature."""


@dataclass(frozen=True)
class Reliability:
    """How often a model is right, by how sure it was.

    Attributes:
        n: pictures. accuracy: share of right answers. ece: expected calibration error, the mean distance between score and share of right
            answers over the bins, weighted by their pictures; 0 to 1.
        bins: (pictures, mean score, share right) of each bin, lowest scores first; (0, 0, 0) for an empty one.
    """

    n: int
    accuracy: float
    ece: float
    bins: tuple[tuple[int, float, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature with the smallest negative log-likelihood, within `LOWEST` and `HIGHEST`.

    Pictures that are all read right have no optimum: surer is always better, and the lower bound comes out.

    Args:
        logits: (N, K). labels: (N,) int.

    Raises:
        DataError: no pictures, or shapes that do not fit.
    """
    _check(logits, labels)
    double = logits.double()  # in single precision the loss of pictures that are read right is flat zero over half of the range

    def loss(t: float) -> float:
        return F.cross_entropy(double / t, labels).item()

    found = minimize_scalar(lambda log: loss(np.exp(log)), bounds=np.log((LOWEST, HIGHEST)), method="bounded", options={"xatol": 1e-4})
    return min((LOWEST, HIGHEST, float(np.exp(found.x))), key=loss)  # the loss may be flat beside a bound, so that the search stops early


def reliability(logits: Tensor, labels: Tensor, temperature: float = 1.0, bins: int = BINS) -> Reliability:
    """The reliability curve of the highest score of each picture.

    Args:
        logits: (N, K). labels: (N,) int.
        temperature: what logits are divided by.
        bins: intervals of equal width over [0, 1].

    Raises:
        DataError: no pictures, or shapes that do not fit.
    """
    _check(logits, labels)
    score, answer = (logits.double() / temperature).softmax(1).max(1)
    right = (answer == labels).double()
    place = (score * bins).ceil().long().sub(1).clamp(0, bins - 1)  # the paper's bins are open below and closed above
    rows, error = [], 0.0
    for k in range(bins):
        here = place == k
        n = int(here.sum())
        mean, share = (float(score[here].mean()), float(right[here].mean())) if n else (0.0, 0.0)
        rows.append((n, round(mean, 4), round(share, 4)))
        error += n / len(labels) * abs(mean - share)
    return Reliability(len(labels), float(right.mean()), error, tuple(rows))


def _check(logits: Tensor, labels: Tensor) -> None:
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not len(labels):
        raise DataError(f"Logits are {tuple(logits.shape)} and labels {tuple(labels.shape)}; expected (N, K) and (N,), N at least 1.")
    if torch.any((labels < 0) | (labels >= logits.shape[1])):
        raise DataError(f"Labels run from {int(labels.min())} to {int(labels.max())}; expected 0 to {logits.shape[1] - 1}.")
