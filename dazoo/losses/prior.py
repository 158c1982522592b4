"""Label shift: how frequent the classes are in the target, and what follows from it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dazoo.losses.precision import full_precision


@full_precision
def soft_confusion(probabilities: Tensor, labels: Tensor) -> Tensor:
    """(K, K) joint frequencies of prediction (row) and label (column) on held-out source pictures; sum 1.

    Args:
        probabilities: (N, K); hard predictions may be given one-hot.
        labels: (N,) int64.
    """
    return probabilities.T @ F.one_hot(labels, probabilities.shape[1]).to(probabilities.dtype) / len(labels)


@full_precision
def bbse_prior(confusion: Tensor, predicted: Tensor, ridge: float = 1e-3) -> Tensor:
    """Class frequencies of the target by black-box shift estimation (Lipton et al. 2018).

    Solves confusion @ w = predicted for the ratios w = target / source frequency. The ridge pulls w towards 1, so that a class
    the classifier cannot tell apart keeps its source frequency instead of an arbitrary one (Azizzadenesheli et al. 2019).

    Args:
        confusion: (K, K) joint frequencies of prediction and label on the source, as `soft_confusion` gives.
        predicted: (K,) mean prediction on the target, made by the same classifier in the same way (soft or hard).
        ridge: strength of the pull, relative to the mean squared singular value.

    Returns:
        (K,) frequencies, non-negative, sum 1.
    """
    k = len(predicted)
    eye = torch.eye(k, dtype=confusion.dtype, device=confusion.device)
    gram = confusion.T @ confusion
    strength = ridge * gram.trace() / k
    w = torch.linalg.solve(gram + strength * eye, confusion.T @ predicted + strength)  # (K,)
    return _normalise(w.clamp_min(0) * confusion.sum(0))


@full_precision
def em_prior(probabilities: Tensor, source_prior: Tensor, steps: int = 100) -> Tensor:
    """Class frequencies of the target by expectation maximisation (Saerens et al. 2002).

    Its result is as good as the probabilities are calibrated. The number of steps is fixed, so nothing waits for the device.

    Args:
        probabilities: (N, K) on the target, of a classifier trained on classes as frequent as `source_prior`.
        source_prior: (K,) frequencies the classifier was trained with (equal ones for class-balanced batches).
        steps: iterations.

    Returns:
        (K,) frequencies, sum 1.
    """
    probabilities, source_prior = probabilities.detach(), source_prior.to(probabilities.dtype)
    prior = source_prior
    for _ in range(steps):
        prior = _normalise(adapt_probabilities(probabilities, prior, source_prior).mean(0))
    return prior


@full_precision
def adapt_probabilities(probabilities: Tensor, target_prior: Tensor, source_prior: Tensor) -> Tensor:
    """(N, K) probabilities of a classifier for classes as frequent as `target_prior` instead of `source_prior`."""
    return _normalise(probabilities * importance_weights(target_prior, source_prior))


@full_precision
def importance_weights(target_prior: Tensor, source_prior: Tensor, limit: float | None = None) -> Tensor:
    """(K,) target over source frequency, at most `limit`; a class without source pictures gets 0, as nothing there can be weighted."""
    ratios = torch.where(source_prior > 0, target_prior / source_prior.clamp_min(torch.finfo(source_prior.dtype).tiny), 0.0)
    return ratios if limit is None else ratios.clamp_max(limit)


def _normalise(p: Tensor) -> Tensor:
    return p / p.sum(-1, keepdim=True).clamp_min(torch.finfo(p.dtype).tiny)
