"""Losses of critic and generator, from logits of any shape; every value is a mean and is minimised."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
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


def gradient_penalty(judge: Callable[[Tensor], Sequence[Tensor]], real: Tensor, fake: Tensor) -> Tensor:
    """Mean over pictures and critics of (gradient norm - 1)^2, at random points between real and generated pictures (WGAN-GP).

    Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017; they multiply by 10.

    Args:
        judge: from images (N, C, H, W) to the logits (N, ...) of each critic.
        real, fake: (N, C, H, W); the first pictures of the larger batch are taken.
    """
    n = min(len(real), len(fake))
    share = torch.rand(n, 1, 1, 1, device=real.device)
    between = torch.lerp(fake[:n].detach().float(), real[:n].detach().float(), share).requires_grad_()
    total = torch.zeros((), device=real.device)
    for logits in judge(between):
        (gradient,) = torch.autograd.grad(logits.float().sum(), between, create_graph=True)
        total = total + (gradient.float().square().flatten(1).sum(1).add(1e-12).sqrt() - 1).square().mean()
    return total


@full_precision
def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """fake - real: minus the estimated distance of the two distributions, for a critic whose slope is bounded (Arjovsky et al. 2017)."""
    return fake.mean() - real.mean()


class Game(NamedTuple):
    """The two sides of an adversarial loss: `critic(real, fake)` and `generator(fake, real)`, from logits.

    `compares` says whether the generator's side looks at `real`, logits of the same shape. `undecided` is the logit at which the critic
    takes neither side, or None where only differences between logits count.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    compares: bool = False
    undecided: float | None = 0.0


GAMES: Mapping[str, Game] = MappingProxyType(
    {
        "nonsaturating": Game(nonsaturating_critic, lambda fake, real: nonsaturating_generator(fake)),
        "least_squares": Game(least_squares_critic, lambda fake, real: least_squares_generator(fake), undecided=0.5),
        "hinge": Game(hinge_critic, lambda fake, real: hinge_generator(fake)),
        "wasserstein": Game(wasserstein_critic, lambda fake, real: hinge_generator(fake), undecided=None),
        "relativistic": Game(relativistic_critic, lambda fake, real: relativistic_generator(real, fake), compares=True, undecided=None),
    }
)
"""Adversarial losses by name; `dazoo.losses.game.Rules` makes them a setting of every GAN."""
