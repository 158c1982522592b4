"""Losses of critic and generator, from logits of any shape; every value is a mean and is minimised."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dazoo.losses.precision import full_precision


@full_precision
def nonsaturating_critic(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(-real) + softplus(fake): binary cross entropy with real = 1 (Goodfellow et al. 2014)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


@full_precision
def nonsaturating_generator(fake: Tensor) -> Tensor:
    """softplus(-fake): its gradient stays alive while the critic wins (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-fake).mean()


@full_precision
def least_squares_critic(real: Tensor, fake: Tensor) -> Tensor:
    """(real - 1)^2 + fake^2 (Mao et al. 2017). Like every critic's loss here a sum of two means; CycleGAN's paper halves it."""
    return (real - 1).square().mean() + fake.square().mean()


@full_precision
def least_squares_generator(fake: Tensor) -> Tensor:
    """(fake - 1)^2."""
    return (fake - 1).square().mean()


@full_precision
def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """relu(1 - real) + relu(1 + fake) (Lim and Ye 2017)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


@full_precision
def hinge_generator(fake: Tensor) -> Tensor:
    """-fake."""
    return -fake.mean()


@full_precision
def relativistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(fake - real) over pairs: a real picture should look more real than a fake one (Jolicoeur-Martineau 2019; R3GAN 2024).

    Args:
        real: logits; `fake` has the same shape.
    """
    return F.softplus(fake - real).mean()


@full_precision
def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(real - fake) over pairs."""
    return F.softplus(real - fake).mean()


def r1_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Half the mean squared gradient norm of the critic at real pictures (R1, Mescheder et al. 2018); multiply by gamma.

    Zero-centred; on fake pictures the same function is R2. Its own gradient is a second derivative of the critic.

    Args:
        logits: critic's answer to `images`, (N, ...), one picture's answer depending on that picture only.
        images: (N, C, H, W) with `requires_grad`, the very tensor the critic was run on.
    """
    (gradient,) = torch.autograd.grad(logits.float().sum(), images, create_graph=True)
    return 0.5 * gradient.float().square().flatten(1).sum(1).mean()


class Game(NamedTuple):
    """The two sides of a loss in which the generator needs no real picture."""

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


GAMES: Mapping[str, Game] = MappingProxyType(
    {
        "nonsaturating": Game(nonsaturating_critic, nonsaturating_generator),
        "least_squares": Game(least_squares_critic, least_squares_generator),
        "hinge": Game(hinge_critic, hinge_generator),
    }
)
