"""What is taken from pictures for a generator to give back: colour, all but the edges, sharpness."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from dazoo_image_gans.lab import grey_of
from dazoo_image_gans.lab import lab_of
from dazoo_image_gans.lab import rgb_of


class Task:
    """Pictures (N, C, H, W) in [-1, 1] with something missing, and the whole picture as what is predicted.

    Args:
        channels: C of the pictures.

    Attributes:
        given: channels of what the generator reads (A in the paper). wanted: channels of what it predicts (B).
    """

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.given, self.wanted = channels, channels

    def degraded(self, images: Tensor) -> Tensor:
        """The pictures with something missing, (N, C, H, W)."""
        raise NotImplementedError

    def read(self, degraded: Tensor) -> Tensor:
        """A of degraded pictures, (N, given, H, W)."""
        return degraded

    def answer(self, images: Tensor) -> Tensor:
        """B of whole pictures, (N, wanted, H, W) in [-1, 1]."""
        return images

    def picture(self, a: Tensor, b: Tensor) -> Tensor:
        """The whole pictures (N, C, H, W) of A and B."""
        return b


class Colorize(Task):
    """Grey to colour: A is the lightness L / 50 - 1, B is (a, b) / 110 of CIE L*a*b*. Of grey pictures a and b are 0."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.given, self.wanted = 1, 2

    def degraded(self, images: Tensor) -> Tensor:
        return grey_of(images).expand(-1, self.channels, -1, -1)

    def read(self, degraded: Tensor) -> Tensor:
        return lab_of(_rgb(degraded))[:, :1] / 50 - 1

    def answer(self, images: Tensor) -> Tensor:
        return lab_of(_rgb(images))[:, 1:] / 110

    def picture(self, a: Tensor, b: Tensor) -> Tensor:
        rgb = rgb_of(torch.cat([(a.float() + 1) * 50, b.float() * 110], 1))
        return rgb if self.channels == 3 else rgb.mean(1, keepdim=True).expand(-1, self.channels, -1, -1)


class Edges(Task):
    """Edges to pictures: dark lines on white where the lightness changes (Sobel's filter)."""

    def degraded(self, images: Tensor) -> Tensor:
        row = torch.tensor([1.0, 2.0, 1.0], device=images.device) / 8  # a step over the whole range has slope 1
        slope = torch.tensor([-1.0, 0.0, 1.0], device=images.device)
        kernels = torch.stack([row[:, None] * slope, slope[:, None] * row])[:, None]  # (2, 1, 3, 3)
        padded = F.pad(images.float().mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        strength = F.conv2d(padded, kernels).square().sum(1, keepdim=True).clamp_min(1e-12).sqrt()  # (N, 1, H, W)
        return (1 - 4 * strength).clamp(-1, 1).expand(-1, self.channels, -1, -1)


class Blur(Task):
    """Blurred to sharp: means over squares of a quarter, enlarged again."""

    def degraded(self, images: Tensor) -> Tensor:
        h, w = images.shape[-2:]
        small = F.interpolate(images.float(), size=(max(1, h // 4), max(1, w // 4)), mode="area")
        return F.interpolate(small, size=(h, w), mode="bilinear")


TASKS: Mapping[str, type[Task]] = MappingProxyType({"colorize": Colorize, "edges": Edges, "blur": Blur})


def _rgb(images: Tensor) -> Tensor:
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
