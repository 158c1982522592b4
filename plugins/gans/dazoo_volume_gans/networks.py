"""Networks of 3D-GAN and 3D-VAE-GAN: volumes from codes, verdicts on volumes and on pictures, codes from pictures."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import Verdict


class Generator(nn.Module):
    """Code (N, D) to volume (N, 1, d, d, d) in [0, 1]: transposed convolutions from 4 voxels per side, each of which doubles it."""

    def __init__(self, code_size: int, side: int, width: int) -> None:
        super().__init__()
        c = width * side // 8  # 512 at 64 voxels with the paper's 64 before the volume
        layers = [nn.ConvTranspose3d(code_size, c, 4, bias=False), nn.BatchNorm3d(c), nn.ReLU()]
        while c > width:
            layers += [nn.ConvTranspose3d(c, c // 2, 4, 2, 1, bias=False), nn.BatchNorm3d(c // 2), nn.ReLU()]
            c //= 2
        self.layers = nn.Sequential(*layers, nn.ConvTranspose3d(c, 1, 4, 2, 1, bias=False), nn.Sigmoid())

    def forward(self, code: Tensor) -> Tensor:
        return self.layers(code[:, :, None, None, None])


class VolumeCritic(nn.Module):
    """The generator mirrored: volume (N, 1, d, d, d) in [0, 1] to logit (N,).

    `accuracy` is that of its last batch, share of real and drawn volumes that it told apart; a buffer, so that it survives a resume.
    """

    accuracy: Tensor

    def __init__(self, side: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv3d(1, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
        c = width
        while c < width * side // 8:
            layers += [nn.Conv3d(c, 2 * c, 4, 2, 1, bias=False), nn.BatchNorm3d(2 * c), nn.LeakyReLU(0.2)]
            c *= 2
        self.layers = nn.Sequential(*layers, nn.Conv3d(c, 1, 4, bias=False), nn.Flatten(0))
        self.register_buffer("accuracy", torch.zeros(()))

    def forward(self, volumes: Tensor) -> Tensor:
        return self.layers(volumes)


class Encoder(nn.Module):
    """Picture (N, C, S, S) to mean and log variance of a code, (N, D) each.

    From 128 px on with the paper's first layer (11 x 11, stride 4); then layers of stride 2 down to 8 px or less, and one over the rest.
    """

    def __init__(self, channels: int, size: int, code_size: int, width: int) -> None:
        super().__init__()
        kernel, stride = (11, 4) if size >= 128 else (5, 2)
        layers: list[nn.Module] = []
        c_in, c = channels, width
        while size > 8 or not layers:
            padding = 4 if kernel == 11 else 2
            layers += [nn.Conv2d(c_in, c, kernel, stride, padding, bias=False), nn.BatchNorm2d(c), nn.ReLU()]
            size = (size + 2 * padding - kernel) // stride + 1
            c_in, c, kernel, stride = c, min(2 * c, 8 * width), 5, 2
        self.layers = nn.Sequential(*layers, nn.Conv2d(c_in, 2 * code_size, size), nn.Flatten())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.layers(x).chunk(2, 1)
        return mean, log_variance


class PictureCritic(nn.Module):
    """Picture (N, C, S, S) to one logit: halvings down to 4 to 7 px, then a convolution over what is left."""

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        c_in, c = channels, width
        while size > 7:
            norm = [nn.BatchNorm2d(c)] if layers else []
            layers += [nn.Conv2d(c_in, c, 4, 2, 1, bias=False), *norm, nn.LeakyReLU(0.2)]
            c_in, c, size = c, min(2 * c, 8 * width), size // 2
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv2d(c_in, 1, size)
        self.num_features = c_in

    def forward(self, x: Tensor) -> Verdict:
        f = self.layers(x)
        return Verdict(x, (self.last(f).flatten(1).mean(1),), f.mean(dim=(2, 3)))


def initialise(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions, as in DCGAN."""
    if isinstance(module, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose3d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
