"""Distance of pictures in the features of a VGG16 that was trained elsewhere (Johnson, Alahi and Fei-Fei, ECCV 2016)."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.errors import SettingsError


WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512)
"""Convolutions of VGG16 up to conv5_3; 0 is a pooling."""
SCALE = 1 / 12.75
"""SRGAN's factor on the features, which brings their distance to the size of one of pixels."""


class VGGDistance:
    """Mean squared distance of the features behind conv5_3 and its ReLU. It learns nothing and belongs to no group, so it is never saved.

    Args:
        path: safetensors file of torchvision's VGG16, with the names "features.0.weight" to "features.28.bias".

    Raises:
        SettingsError: no file, or one that holds other tensors.
    """

    def __init__(self, path: str) -> None:
        layers: list[nn.Module] = []
        c = 3
        for width in WIDTHS:
            layers += [nn.Conv2d(c, width, 3, padding=1), nn.ReLU(inplace=True)] if width else [nn.MaxPool2d(2, ceil_mode=True)]
            c = width or c
        self.layers = nn.Sequential(*layers)
        try:
            tensors = load_file(Path(path).expanduser())
            self.layers.load_state_dict({name.removeprefix("features."): value.float() for name, value in tensors.items()})
        except (OSError, SafetensorError, RuntimeError) as exc:
            why = str(exc).splitlines()[0]
            raise SettingsError(f"gan.features is {path!r}; expected a safetensors file of torchvision's VGG16 ({why}).") from exc
        self.layers.requires_grad_(False).eval()
        self.mean, self.deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    def features(self, images: Tensor) -> Tensor:
        """Pictures (N, C, H, W) in [-1, 1], grey or in colour, to features (N, 512, h, w)."""
        self.layers.to(images.device)
        x = (images.expand(-1, 3, -1, -1) + 1) / 2
        return self.layers((x - self.mean.to(images.device)) / self.deviation.to(images.device)).float() * SCALE

    def __call__(self, images: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.features(real)
        return F.mse_loss(self.features(images), wanted)
