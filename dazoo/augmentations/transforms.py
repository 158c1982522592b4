"""Random views of a whole batch at once, on the device that holds it: every picture its own draw, no loop over pictures.

Pictures are (N, C, H, W) float in [-1, 1] and stay there. All randomness comes from torch's global generators, which the
engine seeds anew in every step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dazoo.contracts.augmentation import Augmentation


@dataclass(frozen=True)
class Augment:
    """How strongly a picture may change. Every field is the largest change; 0 switches it off.

    Attributes:
        rotate: degrees. scale, shear: fraction. shift: fraction of the side. tilt: strength of the perspective.
        zoom: fraction of further enlargement, since data sets differ in how tightly they are cropped.
        flip: probability of a left-right flip (never for signs or digits).
        brightness, contrast, saturation, hue, gamma: colour; brightness is in units of the range [-1, 1], hue in turns.
        blur: largest standard deviation in pixels. noise: largest standard deviation.
        cutout: side of the erased square as a fraction of the picture's.
    """

    rotate: float = 0.0
    scale: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    tilt: float = 0.0
    flip: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    gamma: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    cutout: float = 0.0

    def __call__(self, x: Tensor) -> Tensor:
        if self.rotate or self.scale or self.zoom or self.shift or self.shear or self.tilt or self.flip:
            x = self._move(x)
        if self.brightness or self.contrast or self.saturation or self.hue or self.gamma:
            x = self._colour(x)
        if self.blur:
            x = _blur(x, self.blur)
        if self.noise:
            x = x + torch.randn_like(x) * (_uniform(x, 0, self.noise))
        if self.cutout:
            x = _erase(x, self.cutout)
        return x.clamp(-1, 1)

    def _move(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        draw = torch.rand(8, n, device=x.device) * 2 - 1
        a = draw[0] * (self.rotate * math.pi / 180)
        s = torch.exp(draw[1] * math.log1p(self.scale)) / (1 + self.zoom * torch.rand(n, device=x.device))
        shear, tx, ty = draw[2] * self.shear, draw[3] * 2 * self.shift, draw[4] * 2 * self.shift
        side = torch.where(torch.rand(n, device=x.device) < self.flip, -1.0, 1.0)
        stretch = torch.exp(draw[7] * math.log1p(self.scale / 2))
        cos, sin = torch.cos(a) * s, torch.sin(a) * s
        matrix = torch.stack([cos * side * stretch, shear - sin, tx, sin + shear, cos / stretch, ty], 1).view(n, 2, 3)
        grid = F.affine_grid(matrix, [n, 1, h, w], align_corners=False)  # (N, H, W, 2)
        if self.tilt:
            depth = 1 + self.tilt * (grid * draw[5:7].t().view(n, 1, 1, 2)).sum(-1, keepdim=True)
            grid = grid / depth.clamp_min(0.3)
        return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)

    def _colour(self, x: Tensor) -> Tensor:
        if self.gamma:
            g = torch.exp(_uniform(x, -1, 1) * math.log1p(self.gamma))
            x = ((x + 1) / 2).clamp_min(1e-4).pow(g) * 2 - 1
        if self.contrast:
            mean = x.mean(dim=(1, 2, 3), keepdim=True)
            x = (x - mean) * torch.exp(_uniform(x, -1, 1) * math.log1p(self.contrast)) + mean
        if x.shape[1] == 3 and (self.saturation or self.hue):
            grey = x.mean(dim=1, keepdim=True)
            x = grey + (x - grey) * (1 + _uniform(x, -1, 1) * self.saturation)
            if self.hue:
                x = _turn_hue(x, _uniform(x, -1, 1).view(-1) * self.hue)
        return x + _uniform(x, -1, 1) * self.brightness


class Objects(Augmentation):
    """Pictures of things: they may be mirrored."""

    weak = Augment(flip=0.5, shift=0.08, scale=0.1)
    strong = Augment(
        flip=0.5, rotate=15, scale=0.3, shift=0.12, brightness=0.4, contrast=0.4, saturation=0.5, hue=0.08, blur=1.0, cutout=0.4
    )


def _uniform(x: Tensor, low: float, high: float) -> Tensor:
    return torch.rand(len(x), 1, 1, 1, device=x.device) * (high - low) + low


def _turn_hue(x: Tensor, turns: Tensor) -> Tensor:
    """Rotate colours about the grey axis (Rodrigues), a linear stand-in for a hue shift."""
    angle = turns * 2 * math.pi
    c, s = torch.cos(angle).view(-1, 1, 1), torch.sin(angle).view(-1, 1, 1)
    eye = torch.eye(3, device=x.device)
    k = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=x.device) / math.sqrt(3)
    rotation = c * eye + s * k + (1 - c) / 3  # (N, 3, 3)
    return torch.einsum("nij,njhw->nihw", rotation, x)


def _blur(x: Tensor, largest: float) -> Tensor:
    """Gaussian blur with a width of its own for each picture: one grouped, separable convolution."""
    n, c, h, w = x.shape
    r = max(1, math.ceil(2 * largest))
    sigma = (torch.rand(n, 1, device=x.device) * largest).clamp_min(0.05)
    taps = torch.arange(-r, r + 1, device=x.device, dtype=x.dtype)
    kernel = torch.softmax(-(taps**2) / (2 * sigma**2), dim=1)  # (N, 2r+1)
    kernel = kernel.repeat_interleave(c, 0)
    y = F.pad(x.reshape(1, n * c, h, w), (r, r, r, r), mode="reflect")
    y = F.conv2d(y, kernel.view(n * c, 1, 1, -1), groups=n * c)
    y = F.conv2d(y, kernel.view(n * c, 1, -1, 1), groups=n * c)
    return y.view(n, c, h, w)


def _erase(x: Tensor, side: float) -> Tensor:
    """Put the picture's mean into a random rectangle of at most `side` of height and width, in half of the pictures."""
    n, _, h, w = x.shape
    size = torch.rand(2, n, 1, device=x.device) * side * (torch.rand(1, n, 1, device=x.device) < 0.5)
    centre = torch.rand(2, n, 1, device=x.device)
    rows = (torch.arange(h, device=x.device).add(0.5) / h - centre[0]).abs() * 2 < size[0]  # (N, H)
    cols = (torch.arange(w, device=x.device).add(0.5) / w - centre[1]).abs() * 2 < size[1]  # (N, W)
    hole = (rows[:, :, None] & cols[:, None, :]).unsqueeze(1)
    return torch.where(hole, x.mean(dim=(1, 2, 3), keepdim=True), x)
