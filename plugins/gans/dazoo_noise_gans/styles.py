"""Layers of StyleGAN2: equalised learning rates, modulated convolutions, minibatch statistics.

Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020. Written from the paper, in plain PyTorch operations.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F


SLOPE, GAIN = 0.2, math.sqrt(2)
"""Of the activation: a LeakyReLU that keeps the variance of what it is given."""


def activate(x: Tensor) -> Tensor:
    """GAIN * LeakyReLU."""
    return F.leaky_relu(x, SLOPE) * GAIN


class Linear(nn.Linear):
    """Linear layer with an equalised learning rate: weights are N(0, 1), and scaled to keep the variance at run time.

    Args:
        rate: factor on the learning rate of weight and bias (0.01 in the mapping network).
        bias: what the bias starts at.
    """

    def __init__(self, c_in: int, c_out: int, *, rate: float = 1.0, bias: float = 0.0) -> None:
        super().__init__(c_in, c_out)
        self.rate, self.gain = rate, rate / math.sqrt(c_in)
        nn.init.normal_(self.weight, std=1 / rate)
        nn.init.constant_(self.bias, bias / rate)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.gain, self.bias * self.rate)


class Conv(nn.Conv2d):
    """Convolution of the same side with an equalised learning rate."""

    def __init__(self, c_in: int, c_out: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__(c_in, c_out, kernel, padding=kernel // 2, bias=bias)
        self.gain = 1 / math.sqrt(c_in * kernel**2)
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.gain, self.bias, padding=self.padding)


class Modulated(nn.Module):
    """Convolution of x (N, C, h, w) whose weights are scaled by a style (N, W), and normalised again (demodulation) for each picture.

    Scaling a weight's input is scaling what comes in, and normalising a weight is scaling what goes out, so all pictures of the batch
    share one convolution.
    """

    def __init__(self, c_in: int, c_out: int, kernel: int, style: int, *, demodulate: bool = True) -> None:
        super().__init__()
        self.conv, self.style, self.demodulate = Conv(c_in, c_out, kernel, bias=False), Linear(style, c_in, bias=1.0), demodulate

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        s = self.style(w)  # (N, C_in)
        x = self.conv(x * s[:, :, None, None])
        if not self.demodulate:
            return x
        strength = (self.conv.weight * self.conv.gain).square().sum((2, 3))  # (C_out, C_in)
        return x * (s.square() @ strength.t() + 1e-8).rsqrt()[:, :, None, None]


class Styled(nn.Module):
    """Modulated convolution, noise for each pixel with one learnt strength, bias, activation.

    The buffer `pattern` (1, 1, s, s) is the noise that is used when pictures shall not differ by chance.
    """

    pattern: Tensor

    def __init__(self, c_in: int, c_out: int, style: int, side: int) -> None:
        super().__init__()
        self.conv = Modulated(c_in, c_out, 3, style)
        self.bias, self.strength = nn.Parameter(torch.zeros(c_out)), nn.Parameter(torch.zeros(()))
        self.register_buffer("pattern", torch.randn(1, 1, side, side))

    def forward(self, x: Tensor, w: Tensor, *, steady: bool = False) -> Tensor:
        x = self.conv(x, w)
        noise = self.pattern if steady else torch.randn(len(x), 1, *x.shape[2:], device=x.device)
        return activate(x + (noise * self.strength).to(x.dtype) + self.bias[:, None, None].to(x.dtype))


def deviation(x: Tensor, group: int = 4) -> Tensor:
    """x (N, C, h, w) and one more channel: how much the pictures of a group of up to `group` differ (minibatch standard deviation)."""
    n = len(x)
    size = next(size for size in range(min(group, n), 0, -1) if n % size == 0)
    spread = (x.float().view(size, n // size, *x.shape[1:]).var(0, correction=0) + 1e-8).sqrt()  # (N / size, C, h, w)
    told = spread.mean((1, 2, 3)).repeat(size).view(n, 1, 1, 1)
    return torch.cat([x, told.to(x.dtype).expand(-1, 1, *x.shape[2:])], 1)
