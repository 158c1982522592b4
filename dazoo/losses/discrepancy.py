"""Discrepancies between two domains, or between two classifiers on one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from dazoo.losses.precision import full_precision


SCALES = (0.125, 0.25, 0.5, 1.0, 2.0)  # DAN: kernel variances as multiples of the mean squared distance


@full_precision
def classifier_discrepancy(first: Tensor, second: Tensor) -> Tensor:
    """Mean |p1 - p2| of two classifiers' probabilities, both (N, K) (MCD, Saito et al. 2018)."""
    return (first - second).abs().mean()


@full_precision
def mk_mmd(source: Tensor, target: Tensor, scales: Sequence[float] = SCALES) -> Tensor:
    """Squared maximum mean discrepancy with several Gaussian kernels, unbiased (DAN, Long et al. 2015; Gretton et al. 2012).

    Kernel k is exp(-|x - y|^2 / (2 s_k v)), where v is the mean squared distance over both batches together, without gradient.

    Args:
        source: features (N, C), N at least 2.
        target: features (M, C), M at least 2.
        scales: the factors s_k; the kernels are summed.

    Returns:
        Scalar around 0 for equal distributions; it may be negative, as an unbiased estimate of zero must.
    """
    n, m = len(source), len(target)
    x = torch.cat([source, target])  # (N + M, C)
    x = x - x.mean(0).detach()  # a common shift changes no distance, and large ones would cost digits in the product below
    squares = (x * x).sum(1)
    d = (squares.unsqueeze(1) + squares.unsqueeze(0) - 2 * (x @ x.T)).clamp_min(0)  # (N + M, N + M)
    k = _kernels(d, _mean_squared_distance(x), scales)
    k = k * ~torch.eye(n + m, dtype=torch.bool, device=k.device)  # a sample is no pair with itself
    ss, tt, st = k[:n, :n].sum(), k[n:, n:].sum(), k[:n, n:].sum()
    return ss / (n * (n - 1)) + tt / (m * (m - 1)) - 2 * st / (n * m)


@full_precision
def linear_mmd(source: Tensor, target: Tensor, scales: Sequence[float] = SCALES) -> Tensor:
    """`mk_mmd` from N pairs of neighbours (i, i + 1) instead of all N^2: time linear in N, but a noisier value.

    Args:
        source: features (N, C).
        target: features (N, C), the same N.
        scales: as in `mk_mmd`.
    """
    v = _mean_squared_distance(torch.cat([source, target]))
    s, t = source.roll(-1, 0), target.roll(-1, 0)

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return _kernels((a - b).square().sum(1), v, scales)  # (N,)

    return (kernel(source, s) + kernel(target, t) - kernel(source, t) - kernel(s, target)).mean()


@full_precision
def coral(source: Tensor, target: Tensor) -> Tensor:
    """|C_s - C_t|_F^2 / (4 C^2) of the covariances of features (N, C) and (M, C) (Deep CORAL, Sun and Saenko 2016)."""
    return (_covariance(source) - _covariance(target)).square().sum() / (4 * source.shape[1] ** 2)


@full_precision
def coral_with_means(source: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of means plus that of covariances: what DomainBed and TLlib call CORAL, a different loss.

    For C features the covariance part is four times `coral`.
    """
    means = (source.mean(0) - target.mean(0)).square().mean()
    return means + (_covariance(source) - _covariance(target)).square().mean()


@full_precision
def mdd(source: Tensor, source_adversary: Tensor, target: Tensor, target_adversary: Tensor, margin: float = 4.0) -> Tensor:
    """Margin disparity discrepancy with its sign turned, to be minimised by the adversary (MDD, Zhang et al. 2019).

    Run the adversary on `reverse_gradient(features)`: it then learns to agree with the classifier on the source and to disagree
    on the target, while the features learn the opposite.

    Args:
        source: classifier's logits (N, K); only their most likely class is read, so no gradient reaches the classifier.
        source_adversary: adversary's logits (N, K).
        target: classifier's logits (M, K), likewise.
        target_adversary: adversary's logits (M, K).
        margin: weight of the source side; exp of the margin in the paper.

    Returns:
        margin * CE(adversary, classifier's class) on the source plus -log(1 - p_adversary(classifier's class)) on the target; >= 0.
    """
    agree = F.cross_entropy(source_adversary, source.argmax(1))
    chosen = F.one_hot(target.argmax(1), target.shape[1]).bool()  # (M, K)
    others = target_adversary.masked_fill(chosen, -torch.inf).logsumexp(1)  # log(1 - p) without the cancellation of 1 - p
    return margin * agree + (target_adversary.logsumexp(1) - others).mean()


@full_precision
def bsp(source: Tensor, target: Tensor, count: int = 1) -> Tensor:
    """Sum of the `count` largest squared singular values of each domain's features (N, C) (BSP, Chen et al. 2019)."""
    singular: list[Tensor] = [torch.linalg.svdvals(features)[:count] for features in (source, target)]
    return singular[0].square().sum() + singular[1].square().sum()


@full_precision
def afn(features: Tensor, delta: float = 1.0) -> Tensor:
    """Mean (|f| - (|f| as a constant + delta))^2 for features (N, C) (stepwise adaptive feature norm, Xu et al. 2019).

    The value is delta^2 whatever the features are: it makes no curve to look at. The gradient lengthens every feature.
    """
    norms: Tensor = features.norm(dim=1)
    return (norms - (norms.detach() + delta)).square().mean()


def _mean_squared_distance(x: Tensor) -> Tensor:
    """Mean over all pairs (i, j), i = j included, in linear time, without gradient."""
    x = x.detach()
    spread = 2 * (x - x.mean(0)).square().sum(1).mean()
    return spread.clamp_min(1e-20)  # identical samples: every distance is 0 and every kernel 1


def _kernels(squared: Tensor, variance: Tensor, scales: Sequence[float]) -> Tensor:
    total = torch.zeros_like(squared)
    for scale in scales:
        total = total + torch.exp(squared / (variance * (-2 * scale)))
    return total


def _covariance(x: Tensor) -> Tensor:
    x = x - x.mean(0)
    return x.T @ x / (len(x) - 1)  # (C, C)
