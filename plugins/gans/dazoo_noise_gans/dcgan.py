"""DCGAN. Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional GANs", ICLR 2016."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Verdict


class Generator(nn.Module):
    """Code (N, D) to picture (N, C, S, S): a projection to an S/8 map, then three fractionally strided convolutions."""

    def __init__(self, code_size: int, channels: int, size: int, width: int) -> None:
        super().__init__()
        base = -(-size // 8)  # rounded up; the picture is cropped to `size`
        self.size = size
        self.layers = nn.Sequential(
            *up(code_size, 4 * width, base, 1, 0),
            *up(4 * width, 2 * width, 4, 2, 1),
            *up(2 * width, width, 4, 2, 1),
            nn.ConvTranspose2d(width, channels, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, code: Tensor) -> Tensor:
        x = self.layers(code[:, :, None, None])  # (N, C, 8 base, 8 base)
        cut = (x.shape[-1] - self.size) // 2
        return x[:, :, cut : cut + self.size, cut : cut + self.size]


class Critic(nn.Module):
    """Picture to (logit (N,), features (N, 4 width (S/8)^2)): strided convolutions, no batch norm on the pixels, no pooling."""

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        base = size // 8
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            *down(width, 2 * width),
            *down(2 * width, 4 * width),
        )
        self.last = nn.Conv2d(4 * width, 1, base)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        f = self.layers(x)
        return self.last(f).flatten(1).mean(1), f.flatten(1)


class DCGAN(GAN):
    """Pictures from a code vector, by the paper's rules: no pooling, batch norm, ReLU and tanh, LeakyReLU 0.2 in the critic.

    Args:
        width: channels of the layer next to the picture; the widest layer has 4 times as many.
        noise: length of the noise, which joins the code.
        lr: Adam's rate for both networks (betas 0.5, 0.999); 2e-4 in the paper, whose runs are a hundred times as long.
        contract: arguments of the contract, and settings of the game.
    """

    takes = frozenset({"code"})

    def __init__(self, *, width: int = 32, noise: int = 64, lr: float = 1e-3, **contract: Any) -> None:
        super().__init__(**contract)
        self.lr, self.noise_size = lr, noise
        self.generator = Generator(self.code_size + noise, self.channels, self.size, width)
        self.critic = Critic(self.channels, self.size, width)
        self.num_critic_features = 4 * width * (self.size // 8) ** 2
        for network in (self.generator, self.critic):
            network.apply(initialise)

    def groups(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        adam: OptimizerSettings = {"optimizer": "adam", "lr": self.lr, "betas": (0.5, 0.999), "weight_decay": 0.0}
        return {"generator": adam, "critic": adam}

    def generate(self, ask: Ask) -> Tensor:
        noise = self.draw(len(ask), next(self.generator.parameters()).device)
        return self.generator(noise if ask.code is None else torch.cat([ask.code, noise], 1))  # from (N, D + noise)

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        logits, features = self.critic(images)
        return Verdict(images, (logits,), features)


def up(c_in: int, c_out: int, kernel: int, stride: int, padding: int) -> tuple[nn.Module, ...]:
    conv = nn.ConvTranspose2d(c_in, c_out, kernel, stride, padding, bias=False)
    return conv, nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)


def down(c_in: int, c_out: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(c_in, c_out, 4, 2, 1, bias=False), nn.BatchNorm2d(c_out), nn.LeakyReLU(0.2, inplace=True)


def initialise(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions, N(1, 0.02) for the scale of batch norm (the paper's code)."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
