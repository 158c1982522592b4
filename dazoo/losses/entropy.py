"""Losses on the predictions of unlabelled pictures. Every function takes logits (N, K); every scalar is there to be minimised."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from dazoo.losses.precision import full_precision


@full_precision
def entropy(logits: Tensor) -> Tensor:
    """Entropy of each prediction in nats, (N,), between 0 and log K."""
    logs = F.log_softmax(logits, 1)
    return -(logs.exp() * logs).sum(1)


def entropy_minimisation(logits: Tensor) -> Tensor:
    """Mean entropy: makes every prediction certain (Grandvalet and Bengio 2004). Alone it may send all pictures to one class."""
    return entropy(logits).mean()


@full_precision
def diversity(logits: Tensor) -> Tensor:
    """Minus the entropy of the mean prediction, between -log K and 0: makes the batch use all classes evenly."""
    log_mean = _log_mean_prediction(logits)
    return (log_mean.exp() * log_mean).sum()


@full_precision
def mean_divergence(logits: Tensor, prior: Tensor) -> Tensor:
    """KL(mean prediction || prior), at least 0: `diversity` for classes that are not equally frequent.

    Args:
        logits: (N, K).
        prior: (K,) expected class frequencies, sum 1, none zero. With equal frequencies this is `diversity` + log K.
    """
    log_mean = _log_mean_prediction(logits)
    return (log_mean.exp() * (log_mean - prior.log())).sum()


def information_maximisation(logits: Tensor) -> Tensor:
    """Mean entropy minus the entropy of the mean (SHOT-IM, Liang et al. 2020): minus the mutual information of picture and class."""
    return entropy_minimisation(logits) + diversity(logits)


@full_precision
def class_balance(logits: Tensor) -> Tensor:
    """Mean over classes of the binary cross entropy of the mean prediction to 1/K (French et al. 2018)."""
    log_mean = _log_mean_prediction(logits)
    share = 1 / log_mean.numel()
    rest = 1 - log_mean.exp().clamp_max(1 - torch.finfo(log_mean.dtype).eps)  # stays above 0 where one class takes everything
    return -(share * log_mean + (1 - share) * rest.log()).mean()


@full_precision
def uniform_cross_entropy(logits: Tensor) -> Tensor:
    """Mean over classes of -log(mean prediction), at least log K: the balance term of MCD's digits recipe.

    Steeper than `diversity` near zero: a class that no picture of the batch is given to is pulled back hard.
    """
    return -_log_mean_prediction(logits).mean()


@full_precision
def mcc(logits: Tensor, temperature: float = 2.5) -> Tensor:
    """Minimum class confusion (Jin et al. 2020): the share of each class that is confused with others.

    Args:
        logits: (N, K) on the target.
        temperature: softens the probabilities; 2.5 in the paper.

    Returns:
        Scalar in [0, 1]; 0 when every prediction is certain.
    """
    n, k = logits.shape
    p = F.softmax(logits / temperature, 1)  # (N, K)
    weights = 1 + torch.exp(-entropy(logits.detach() / temperature))
    weights = weights * (n / weights.sum())
    confusion = (p * weights.unsqueeze(1)).T @ p  # (K, K)
    confusion = confusion / confusion.sum(1, keepdim=True).clamp_min(torch.finfo(p.dtype).tiny)
    return (confusion.sum() - confusion.trace()) / k


@full_precision
def batch_nuclear_norm(logits: Tensor) -> Tensor:
    """Minus the nuclear norm of the prediction matrix over N (BNM, Cui et al. 2020): certain and diverse at once."""
    singular: Tensor = torch.linalg.svdvals(F.softmax(logits, 1))
    return -singular.sum() / len(logits)


@full_precision
def confident_pseudo_labels(logits: Tensor, threshold: float | Tensor = 0.9) -> tuple[Tensor, Tensor]:
    """Most likely classes, and where they are sure enough to learn from.

    Args:
        logits: (N, K); no gradient flows.
        threshold: lowest probability that counts; a number, a scalar tensor, or one for each class (K,).

    Returns:
        labels (N,) int64 and mask (N,), 1.0 or 0.0, so that nothing needs to be counted on the host.
    """
    confidence, labels = F.softmax(logits.detach(), 1).max(1)
    if isinstance(threshold, Tensor) and threshold.dim() == 1:
        threshold = threshold[labels]
    return labels, (confidence >= threshold).to(confidence.dtype)


@full_precision
def relative_threshold(source_logits: Tensor, ratio: float = 0.9) -> Tensor:
    """`ratio` times the mean confidence on the source batch, a scalar tensor (AdaMatch, Berthelot et al. 2022).

    A fixed threshold accepts nothing from a careful network and everything from an overconfident one; this one follows it.
    """
    return ratio * F.softmax(source_logits.detach(), 1).amax(1).mean()


@full_precision
def self_training(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Cross entropy to pseudo-labels over the whole batch, masked ones counting as zero (FixMatch, Sohn et al. 2020)."""
    return (F.cross_entropy(logits, labels, reduction="none") * mask).mean()


def _log_mean_prediction(logits: Tensor) -> Tensor:
    return F.log_softmax(logits, 1).logsumexp(0) - math.log(len(logits))  # (K,), finite where the mean itself underflows
