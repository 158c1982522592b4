"""A GAN: what its generator draws, and what its critic says. Replace the networks; losses and penalties are settings of every GAN."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import Verdict
from dazoo.losses.game import Rules


class MyThing(GAN):
    """Dense layers: code (N, D) and noise to picture (N, C, S, S), and picture to logit (N,).

    Args:
        width: of the hidden layers; `--set gan.width=256`.
    """

    takes = frozenset({"code"})  # or "labels" or "images"
    rules = Rules(game="hinge")
    noise_size = 16

    def __init__(self, *, width: int = 128, **contract: Any) -> None:
        super().__init__(**contract)  # channels, size, num_classes, code_size, and settings of the game
        shape = self.channels, self.size, self.size
        pixels = self.channels * self.size**2
        self.num_critic_features = width
        draw = nn.Sequential(nn.Linear(width, pixels), nn.Tanh(), nn.Unflatten(1, shape))
        self.generator = nn.Sequential(nn.Linear(self.code_size + self.noise_size, width), nn.ReLU(), draw)
        self.critic = nn.Sequential(nn.Flatten(), nn.Linear(pixels, width), nn.LeakyReLU(0.2))
        self.verdict = nn.Linear(width, 1)

    def groups(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic, "critic_verdict": self.verdict}

    def generate(self, ask: Ask) -> Tensor:
        noise = self.draw(len(ask), self.device)
        return self.generator(noise if ask.code is None else torch.cat([ask.code, noise], 1))

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        features = self.critic(images)
        return Verdict(images, (self.verdict(features).squeeze(1),), features)
