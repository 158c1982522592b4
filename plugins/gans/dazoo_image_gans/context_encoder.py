"""Context encoder. Pathak, Krähenbühl, Donahue, Darrell and Efros, "Context encoders: feature learning by inpainting", CVPR 2016."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import Ask
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Phase
from dazoo.contracts import Step
from dazoo.contracts import Verdict
from dazoo.errors import SettingsError
from dazoo_image_gans.cyclegan import initialise
from dazoo_image_gans.game import fool
from dazoo_image_gans.game import tell_apart
from dazoo_image_gans.restoring import Restoring


MEAN_COLOUR = (117.0, 104.0, 123.0)
OFF_GRID = 1e-3
"""Added to the mean colour (in [-1, 1]): no 8-bit picture has a pixel of just that colour, so a hole is known from the picture alone."""


class ContextEncoder(Restoring):
    """`start` cuts a hole into pictures, filled with the mean colour; the generator predicts what was there from what is around.

    The game is played on the target's pictures. What is predicted is half as long as the picture's side, and the hole is shorter by the
    overlap at each end, where the difference weighs ten times.

    Args:
        hole: "centre", predicted alone, or "random": anywhere, where the whole picture is predicted, of which the hole is kept.
        width: channels of the first layer (64 in the paper).
        bottleneck: channels of the 1 x 1 middle; 0 takes the paper's 4000 from 128 px on and 1000 below.
        l2: weight of the squared difference; the game weighs 1 - l2.
        batch: pictures that the networks see in a step.
        lr: Adam's rate for the critic (betas 0.5, 0.999); the generator's is ten times that, as in the authors' code.
        contract: arguments of the contract, and settings of the game.

    Raises:
        SettingsError: another `hole`, or a weight outside [0, 1].
    """

    jobs = ("inpaint",)

    def __init__(
        self,
        *,
        hole: str = "centre",
        width: int = 64,
        bottleneck: int = 0,
        l2: float = 0.999,
        batch: int = 64,
        lr: float = 2e-4,
        **contract: Any,
    ) -> None:
        super().__init__(**contract)
        if hole not in ("centre", "random"):
            raise SettingsError(f"gan.hole is {hole!r}; expected centre or random.")
        if not 0 <= l2 <= 1:
            raise SettingsError(f"gan.l2 is {l2}; expected a weight in [0, 1].")
        self.hole, self.l2, self.batch, self.lr = hole, l2, batch, lr
        self.overlap = max(1, round(self.size / 32))
        self.length = self.size if hole == "random" else self.size // 2  # of the predicted square
        self.cut = (self.size - self.length) // 2  # where it begins
        self.generator = Generator(self.channels, self.size, self.length, width, bottleneck or (4000 if self.size >= 128 else 1000))
        self.critic = Critic(self.channels, self.length, width)
        self.num_critic_features = self.critic.num_features

    def groups(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        adam: OptimizerSettings = {"optimizer": "adam", "lr": self.lr, "betas": (0.5, 0.999), "weight_decay": 0.0}
        return {"generator": {**adam, "lr": 10 * self.lr}, "critic": adam}

    def start(self, images: Tensor) -> Tensor:
        """Pictures (N, C, H, W) with a hole in each, of the same shape."""
        inner = self.size // 2 - 2 * self.overlap
        n, _, h, w = images.shape
        if self.hole == "random":
            top, left = (torch.randint(side - inner + 1, (n, 1, 1), device=images.device) for side in (h, w))
        else:
            top = left = torch.full((n, 1, 1), self.cut + self.overlap, device=images.device)
        rows, columns = torch.arange(h, device=images.device)[:, None], torch.arange(w, device=images.device)
        inside = (rows >= top) & (rows < top + inner) & (columns >= left) & (columns < left + inner)  # (N, H, W)
        return torch.where(inside[:, None], self._fill(images), images)

    def _fill(self, images: Tensor) -> Tensor:
        """The colour of a hole, (1, C, 1, 1)."""
        colour = torch.tensor(MEAN_COLOUR, device=images.device)
        colour = colour if self.channels == 3 else colour.mean().expand(self.channels)
        return (colour / 127.5 - 1 + OFF_GRID).to(images.dtype)[None, :, None, None]

    def _holes(self, images: Tensor) -> Tensor:
        """Where pictures have a hole, (N, 1, H, W): pixels of just its colour."""
        return (images == self._fill(images)).all(1, keepdim=True)

    def generate(self, ask: Ask) -> Tensor:
        """The pictures with their holes filled; every other pixel stays as it is."""
        return self._composed(self.given(ask), self.generator(self.given(ask)).float())

    def _composed(self, images: Tensor, predicted: Tensor) -> Tensor:
        """Pictures with the predicted squares (N, C, length, length) where their holes are."""
        rest = self.size - self.length - self.cut
        return torch.where(self._holes(images), F.pad(predicted, (self.cut, rest, self.cut, rest)), images)

    def _square(self, images: Tensor) -> Tensor:
        """The part of pictures that is predicted, (N, C, length, length)."""
        return images[:, :, self.cut : self.cut + self.length, self.cut : self.cut + self.length]

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        """The critic's verdict on the part of pictures that is predicted."""
        return self.critic(self._square(images))

    def phases(self) -> list[Phase]:
        return [
            Phase("critic", ("critic",), self._critic, repeat=self.rules.critic_repeats),
            Phase("generator", ("generator",), self._generator),
        ]

    def _critic(self, step: Step) -> dict[str, Tensor]:
        images = self.learnt(step)
        with torch.no_grad():
            _, shown = self._predict(images)
        return tell_apart(self.rules, self.critic, self._square(images), shown)

    def _generator(self, step: Step) -> dict[str, Tensor]:
        images = self.learnt(step)
        difference, shown = self._predict(images)
        return {
            "generator/adversarial": (1 - self.l2) * fool(self.rules, self.critic, shown, self._square(images)),
            "generator/l2": self.l2 * difference,
        }

    def _predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The weighted squared difference of prediction and picture, and what the critic is shown: (N, C, length, length).

        A predicted centre is shown whole, as published. Of a whole predicted picture the hole is shown, in the picture.
        """
        given = self.start(images)
        predicted, wanted = self.generator(given).float(), self._square(images)
        holes = self._square(self._holes(given))  # (N, 1, length, length)
        weight = torch.where(holes, 1.0, 10.0)
        if self.hole == "random":
            reach = 2 * self.overlap + 1
            weight = weight * F.max_pool2d(holes.float(), reach, 1, self.overlap)  # the hole and a rim as wide as the overlap
        squared = weight * (predicted - wanted).square()
        difference = squared.mean() if self.hole == "centre" else squared.sum() / (self.channels * (weight > 0).sum())
        return difference, predicted if self.hole == "centre" else self._composed(given, predicted)


class Generator(nn.Module):
    """Picture (N, C, S, S) to a square (N, C, side, side) in [-1, 1]: halvings, a 1 x 1 bottleneck, doublings from 4 px."""

    def __init__(self, channels: int, size: int, side: int, width: int, bottleneck: int) -> None:
        super().__init__()
        self.side = side
        layers: list[nn.Module] = []
        c_in, c = channels, width
        while size > 7 or not layers:
            norm = [nn.BatchNorm2d(c)] if layers else []
            layers += [nn.Conv2d(c_in, c, 4, 2, 1, bias=False), *norm, nn.LeakyReLU(0.2)]
            first = c_in == channels and len(layers) == 2  # the first two layers are equally wide
            c_in, c, size = c, (width if first else min(2 * c, 8 * width)), size // 2
        layers += [nn.Conv2d(c_in, bottleneck, size, bias=False), nn.BatchNorm2d(bottleneck), nn.LeakyReLU(0.2)]
        doublings = (-(-side // 4) - 1).bit_length()
        c = width << max(0, min(3, doublings - 1))
        layers += [nn.ConvTranspose2d(bottleneck, c, 4, bias=False), nn.BatchNorm2d(c), nn.ReLU()]
        for i in reversed(range(1, doublings)):
            c_out = width << min(3, i - 1)
            layers += [nn.ConvTranspose2d(c, c_out, 4, 2, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]
            c = c_out
        layers += [nn.ConvTranspose2d(c, channels, 4, 2, 1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        square = self.layers(x)
        cut = (square.shape[-1] - self.side) // 2
        return square[:, :, cut : cut + self.side, cut : cut + self.side]


class Critic(nn.Module):
    """A square (N, C, side, side) to one logit: halvings down to 4 to 7 px, then a convolution over what is left."""

    def __init__(self, channels: int, side: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        c_in, c = channels, width
        while side > 7 or not layers:
            norm = [nn.BatchNorm2d(c)] if layers else []
            layers += [nn.Conv2d(c_in, c, 4, 2, 1, bias=False), *norm, nn.LeakyReLU(0.2)]
            c_in, c, side = c, min(2 * c, 8 * width), side // 2
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv2d(c_in, 1, side, bias=False)
        self.num_features = c_in
        self.apply(initialise)

    def forward(self, x: Tensor) -> Verdict:
        f = self.layers(x)
        return Verdict(x, (self.last(f).flatten(1).mean(1),), f.mean(dim=(2, 3)))
