"""R3GAN. Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN! A modern baseline GAN", NeurIPS 2024.

Written from the paper: relativistic game with R1 and R2, plain residual networks without normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Verdict
from dazoo.losses.game import Rules
from dazoo_noise_gans.filters import double
from dazoo_noise_gans.filters import halve
from dazoo_noise_gans.layers import adam
from dazoo_noise_gans.layers import crop
from dazoo_noise_gans.layers import halvings
from dazoo_noise_gans.layers import joined


GROUP = 16
"""Channels of a group in the grouped convolutions."""
SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))


class Block(nn.Module):
    """x + 1 x 1, grouped 3 x 3, 1 x 1, with twice the channels in between; the last starts at zero, the others small (Fix-up).

    Args:
        blocks: residual blocks in the whole network.
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        wide, gain = 2 * channels, GAIN * blocks ** (-1 / (2 * 3 - 2))
        self.layers = nn.Sequential(
            conv(channels, wide, 1, gain, bias=True),
            nn.LeakyReLU(SLOPE),
            conv(wide, wide, 3, gain, groups=max(1, wide // GROUP), bias=True),
            nn.LeakyReLU(SLOPE),
            conv(wide, channels, 1, 0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Resample(nn.Module):
    """Twice (`up`) or half the side, rounded up."""

    def __init__(self, *, up: bool) -> None:
        super().__init__()
        self.resample = double if up else halve

    def forward(self, x: Tensor) -> Tensor:
        return self.resample(x)


class Generator(nn.Module):
    """Code (N, D) to picture (N, C, S, S): a learnt map scaled by the code, residual blocks, doubled sides; ends in tanh."""

    def __init__(self, code_size: int, channels: int, size: int, width: int, blocks: int) -> None:
        super().__init__()
        n, self.size = halvings(size), size
        side = -(-size // 2**n)
        self.basis = nn.Parameter(torch.randn(width, side, side))
        self.scale = nn.Linear(code_size, width, bias=False)
        nn.init.normal_(self.scale.weight, std=1 / math.sqrt(code_size))
        total = (n + 1) * blocks
        layers: list[nn.Module] = [Block(width, total) for _ in range(blocks)]
        for _ in range(n):
            layers += [Resample(up=True), *(Block(width, total) for _ in range(blocks))]
        self.layers = nn.Sequential(*layers, conv(width, channels, 1, 1.0))

    def forward(self, code: Tensor) -> Tensor:
        return torch.tanh(crop(self.layers(self.basis * self.scale(code)[:, :, None, None]), self.size))


class Critic(nn.Module):
    """Picture (N, C, S, S) to logit (N,) and features (N, F)."""

    def __init__(self, channels: int, size: int, width: int, blocks: int) -> None:
        super().__init__()
        n = halvings(size)
        total = (n + 1) * blocks
        layers: list[nn.Module] = [conv(channels, width, 1, 1.0), *(Block(width, total) for _ in range(blocks))]
        for _ in range(n):
            layers += [Resample(up=False), *(Block(width, total) for _ in range(blocks))]
        side = -(-size // 2**n)
        self.layers = nn.Sequential(*layers, conv(width, width, side, 1.0, groups=width, padding=0), nn.Flatten())
        self.last = nn.Linear(width, 1, bias=False)
        nn.init.normal_(self.last.weight, std=1 / math.sqrt(width))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        f = self.layers(x)
        return self.last(f).squeeze(1), f


class R3GAN(GAN):
    """Pictures by two plain residual networks, without normalisation, in a game that has been proved to converge locally.

    Args:
        width: channels everywhere (768 in the paper).
        blocks: residual blocks at each side (2 in the paper).
        noise: length of the noise, which joins the code.
        lr: Adam's rate for both networks (betas 0, 0.9; the authors' code lets the latter rise to 0.99 over 20 million pictures). Theirs is
            2e-4 for batches of 512 and days of training, with which short runs draw blobs (docs/gans.md).
        contract: arguments of the contract, and settings of the game.
    """

    takes = frozenset({"code"})
    rules = Rules(game="relativistic", r1=0.05, r2=0.05, ema=0.999)

    def __init__(self, *, width: int = 48, blocks: int = 1, noise: int = 64, lr: float = 2e-3, **contract: Any) -> None:
        super().__init__(**contract)
        self.noise_size, self.lr = noise, lr
        self.generator = Generator(self.code_size + noise, self.channels, self.size, width, blocks)
        self.critic = Critic(self.channels, self.size, width, blocks)
        self.num_critic_features = width

    def groups(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        return {name: adam(self.lr, (0.0, 0.9)) for name in self.groups()}

    def generate(self, ask: Ask) -> Tensor:
        return self.generator(joined(ask.code, self.draw(len(ask), self.device)))

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        logits, features = self.critic(images)
        return Verdict(images, (logits,), features)


def conv(c_in: int, c_out: int, kernel: int, gain: float, *, groups: int = 1, padding: int | None = None, bias: bool = False) -> nn.Conv2d:
    """Convolution whose weights start so that it scales what it is given by `gain`; the bias starts at 0."""
    made = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2 if padding is None else padding, groups=groups, bias=bias)
    nn.init.normal_(made.weight, std=gain / math.sqrt(c_in // groups * kernel**2))
    if made.bias is not None:
        nn.init.zeros_(made.bias)
    return made
