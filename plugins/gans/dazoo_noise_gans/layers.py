"""What the GANs of this plugin share: how often a side is halved, DCGAN's layers, noise, and the classes that nobody knows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import OptimizerSettings


START = 4
"""Least side of the map that a generator starts from."""


def halvings(size: int) -> int:
    """How often a side is halved, rounded up, before it falls below START: 3 for 28, 32 and 40 px, 4 for 64."""
    n = 0
    while -(-size // 2 ** (n + 1)) >= START:
        n += 1
    return n


def crop(x: Tensor, size: int) -> Tensor:
    """The middle (N, C, size, size) of a larger map."""
    cut = (x.shape[-1] - size) // 2
    return x[:, :, cut : cut + size, cut : cut + size]


def up(c_in: int, c_out: int, kernel: int, stride: int, padding: int) -> tuple[nn.Module, ...]:
    """Fractionally strided convolution, batch norm, ReLU."""
    conv = nn.ConvTranspose2d(c_in, c_out, kernel, stride, padding, bias=False)
    return conv, nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)


def down(c_in: int, c_out: int) -> tuple[nn.Module, ...]:
    """Strided convolution, batch norm, LeakyReLU."""
    return nn.Conv2d(c_in, c_out, 4, 2, 1, bias=False), nn.BatchNorm2d(c_out), nn.LeakyReLU(0.2, inplace=True)


def initialise(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions, N(1, 0.02) for the scale of batch norm (DCGAN's code)."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def known(labels: Tensor | None, n: int, unknown: int, device: torch.device) -> Tensor:
    """The labels (n,), or `unknown` for all."""
    return torch.full((n,), unknown, device=device) if labels is None else labels


def joined(code: Tensor | None, *parts: Tensor) -> Tensor:
    """The code (N, D), where there is one, and the parts (N, ...) side by side."""
    return torch.cat(parts if code is None else (code, *parts), 1)


def adam(lr: float, betas: tuple[float, float]) -> OptimizerSettings:
    """Adam without weight decay."""
    return {"optimizer": "adam", "lr": lr, "betas": betas, "weight_decay": 0.0}
