"""Domain-adversarial losses: a discriminator tells the domains apart, reversed gradients make the features hide them."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch import nn

from dazoo.losses.precision import full_precision


RANDOMIZE_ABOVE = 4096  # length of the multilinear map above which CDAN (section 3.2) takes its randomised version


class _ReverseGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * -ctx.scale, None


def reverse_gradient(x: Tensor, scale: float = 1.0) -> Tensor:
    """`x` itself; its gradient is multiplied by `-scale` (Ganin and Lempitsky 2015).

    Everything computed from the result (the discriminator) receives its gradient unscaled.
    """
    same: Tensor = _ReverseGradient.apply(x, scale)
    return same


def warm_start(progress: float, gamma: float = 10.0) -> float:
    """2 / (1 + exp(-gamma * progress)) - 1, from 0 to nearly 1 as `progress` goes from 0 to 1 (Ganin et al. 2016, section 5.2.2)."""
    return 2.0 / (1.0 + math.exp(-gamma * progress)) - 1.0


def linear_start(progress: float, start: float, ramp: float) -> float:
    """0 until `start`, then a straight rise to 1 at `start` + `ramp`; a jump where `ramp` is 0."""
    return min(1.0, max(0.0, (progress - start) / ramp)) if ramp else float(progress >= start)


@full_precision
def domain_adversarial(
    source_logits: Tensor,
    target_logits: Tensor,
    source_weights: Tensor | None = None,
    target_weights: Tensor | None = None,
    *,
    joint_weights: bool = False,
) -> Tensor:
    """Half the sum of two binary cross entropies: source is 1, target is 0.

    Args:
        source_logits: discriminator's logits, (N,) or (N, 1).
        target_logits: likewise, (M,) or (M, 1); M may differ from N.
        source_weights: non-negative weights (N,), scaled to mean 1; None means equal.
        target_weights: likewise, (M,).
        joint_weights: scale the weights to mean 1 over both domains together (a domain with larger weights then counts for more)
            instead of each by itself, which is what the paper of CDAN+E does.

    Returns:
        Scalar; log 2 for a discriminator that knows nothing, 0 for a perfect one.
    """
    source = F.softplus(-source_logits.flatten())  # (N,)
    target = F.softplus(target_logits.flatten())  # (M,)
    ws = torch.ones_like(source) if source_weights is None else source_weights.flatten().to(source.dtype)
    wt = torch.ones_like(target) if target_weights is None else target_weights.flatten().to(target.dtype)
    if joint_weights:
        mean_s = mean_t = torch.cat([ws, wt]).mean()
    else:
        mean_s, mean_t = ws.mean(), wt.mean()
    tiny = torch.finfo(source.dtype).tiny  # weights that are all zero give a loss of zero, not a NaN
    return 0.5 * ((ws * source).mean() / mean_s.clamp_min(tiny) + (wt * target).mean() / mean_t.clamp_min(tiny))


@full_precision
def entropy_weights(probabilities: Tensor) -> Tensor:
    """1 + exp(-H(p)) for each row of (N, K): between 1 and 2, larger where the classifier is certain (CDAN+E). No gradient."""
    return 1.0 + torch.exp(-torch.special.entr(probabilities.detach()).sum(1))


def conditional_map(features: Tensor, probabilities: Tensor) -> Tensor:
    """Outer product of class probabilities and features, flattened (CDAN, Long et al. 2018).

    Args:
        features: (N, C).
        probabilities: (N, K); taken without their gradient, as in the paper's code: only the features are aligned.

    Returns:
        (N, K * C): p_0 * f, then p_1 * f, and so on.
    """
    return (probabilities.detach().unsqueeze(2) * features.unsqueeze(1)).flatten(1)  # (N, K, 1) * (N, 1, C)


class MultilinearMap(nn.Module):
    """`conditional_map` as a module that knows its `out_features`."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.out_features = num_features * num_classes

    def forward(self, features: Tensor, probabilities: Tensor) -> Tensor:
        return conditional_map(features, probabilities)


class RandomizedMap(nn.Module):
    """(R_f f) * (R_p p) / sqrt(size): the multilinear map sampled at random, for large C * K (CDAN, equation 6).

    The two matrices are buffers, so that a saved and reloaded model keeps its loss.

    Args:
        num_features: C.
        num_classes: K.
        size: length of the result.
    """

    feature_matrix: Tensor
    class_matrix: Tensor

    def __init__(self, num_features: int, num_classes: int, size: int = 1024) -> None:
        super().__init__()
        self.out_features = size
        self.register_buffer("feature_matrix", torch.randn(num_features, size))
        self.register_buffer("class_matrix", torch.randn(num_classes, size))

    def forward(self, features: Tensor, probabilities: Tensor) -> Tensor:
        f = features @ self.feature_matrix  # (N, size)
        p = probabilities.detach().to(features.dtype) @ self.class_matrix  # (N, size)
        return f * p / math.sqrt(self.out_features)


def conditioner(num_features: int, num_classes: int, size: int = 1024) -> MultilinearMap | RandomizedMap:
    """The multilinear map, or its randomised version where C * K is above 4096; `out_features` is the discriminator's input."""
    if num_features * num_classes > RANDOMIZE_ABOVE:
        return RandomizedMap(num_features, num_classes, size)
    return MultilinearMap(num_features, num_classes)
