"""SRGAN. Ledig et al., "Photo-realistic single image super-resolution using a generative adversarial network", CVPR 2017."""

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
from dazoo_image_gans.perceptual import SCALE
from dazoo_image_gans.perceptual import VGGDistance
from dazoo_image_gans.restoring import Restoring


class SRGAN(Restoring):
    """Small pictures to large ones. The run has two stages: the generator learns pixels (SRResNet), then plays against a critic.

    The game is played on the target: `start` shrinks its pictures. Beside a classifier the generator enlarges the source's shrunken
    pictures with the target's detail.

    Args:
        scale: 2 or 4.
        blocks, width: residual blocks (16 in the paper) and channels (64).
        skip: the networks draw what is to be added to the bilinearly enlarged picture, which learns several times as fast (docs/gans.md);
            false is the paper's network, which draws the whole picture.
        features: file of VGG16's weights, whose features make the content loss (the paper has VGG19). Without one the content loss is
            the squared difference of pixels, and that of the critic's own features.
        pixels: share of the run in which the generator learns pixels alone; 1 is SRResNet, which plays no game.
        batch: pictures that the networks see in a step (16 in the paper).
        lr: Adam's rate for both networks (betas 0.9, 0.999).
        contract: arguments of the contract, and settings of the game.

    Raises:
        SettingsError: another scale, or a share outside (0, 1].
    """

    jobs = ("upscale",)
    files = ("features",)

    def __init__(
        self,
        *,
        scale: int = 4,
        blocks: int = 16,
        width: int = 64,
        skip: bool = True,
        features: str | Mapping[str, str] = "",
        pixels: float = 0.5,
        batch: int = 16,
        lr: float = 1e-4,
        **contract: Any,
    ) -> None:
        super().__init__(**contract)
        if scale not in (2, 4):
            raise SettingsError(f"gan.scale is {scale!r}; expected 2 or 4.")
        if not 0 < pixels <= 1:
            raise SettingsError(f"gan.pixels is {pixels}; expected a share of the run in (0, 1].")
        self.scale, self.features, self.pixels, self.batch, self.lr = scale, features, pixels, batch, lr
        self.generator = SRResNet(self.channels, scale, width, blocks, skip=skip)
        self.critic = Critic(self.channels, self.size, width)
        self.num_critic_features = self.critic.num_features
        self.content: VGGDistance | None = None

    def groups(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        adam: OptimizerSettings = {"optimizer": "adam", "lr": self.lr, "betas": (0.9, 0.999), "weight_decay": 0.0}
        return {"generator": adam, "critic": adam}

    def start(self, images: Tensor) -> Tensor:
        """Pictures (N, C, H, W) shrunk with a bicubic kernel; a side that `scale` does not divide is continued by its last pixels."""
        h, w = images.shape[-2:]
        whole = F.pad(images.float(), (0, -w % self.scale, 0, -h % self.scale), mode="replicate")
        small = (whole.shape[-2] // self.scale, whole.shape[-1] // self.scale)
        return F.interpolate(whole, size=small, mode="bicubic", antialias=True).clamp(-1, 1)

    def generate(self, ask: Ask) -> Tensor:
        """Pictures (N, C, scale h, scale w) of small ones (N, C, h, w); what `start` continued is cut off again."""
        return self._enlarged(self.given(ask)).clamp(-1, 1)

    def _enlarged(self, images: Tensor) -> Tensor:
        """The same, not yet cut to [-1, 1]: the network has no last activation, and a cut pixel would learn nothing."""
        large = self.generator(images)
        h, w = (self.size if side - self.size in range(self.scale) else side for side in large.shape[-2:])
        return large[..., :h, :w]

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        return self.critic(images)

    def phases(self) -> list[Phase]:
        if self.features and isinstance(self.features, str) and self.content is None:  # read when training begins: see `files`
            self.content = VGGDistance(self.features)
        pixels = Phase("generator", ("generator",), self._pixels, end=self.pixels)
        if self.pixels == 1:
            return [pixels]
        return [
            pixels,
            Phase("generator", ("generator",), self._game, begin=self.pixels),
            Phase("critic", ("critic",), self._critic, begin=self.pixels, repeat=self.rules.critic_repeats),
        ]

    def _pair(self, step: Step) -> tuple[Tensor, Tensor]:
        """Pictures of the target and what the generator makes of them shrunk."""
        real = self.learnt(step)
        return real, self._enlarged(self.start(real)).float()

    def _pixels(self, step: Step) -> dict[str, Tensor]:
        real, drawn = self._pair(step)
        return {"generator/pixels": F.mse_loss(drawn, real)}

    def _game(self, step: Step) -> dict[str, Tensor]:
        real, drawn = self._pair(step)
        step.kept["srgan/drawn"] = drawn.detach()
        fake = self.look(drawn)
        compared = None
        if self.rules.compares:
            with torch.no_grad():
                compared = self.look(real)
        terms = {name: 1e-3 * value for name, value in self.generator_terms(fake, compared).items()}
        if self.content is not None:
            return {**terms, "generator/content": self.content(drawn, real)}
        with torch.no_grad():
            wanted = self.critic.maps(real)
        matched = SCALE**2 * F.mse_loss(self.critic.maps(drawn).float(), wanted.float())
        return {**terms, "generator/pixels": F.mse_loss(drawn, real), "generator/content": matched}

    def _critic(self, step: Step) -> Mapping[str, Tensor]:
        real, fake = self.learnt(step), step.kept["srgan/drawn"]
        return self.critic_terms(self.look(real, penalised=True), self.look(fake, penalised=True))


class SRResNet(nn.Module):
    """(N, C, h, w) to (N, C, scale h, scale w), about [-1, 1]: residual blocks at the small size, then pixel shuffles.

    With `skip` what comes out is added to the bilinearly enlarged input, and small at first.
    """

    def __init__(self, channels: int, scale: int, width: int, blocks: int, *, skip: bool = False) -> None:
        super().__init__()
        w, self.scale, self.skip = width, scale, skip
        self.first = nn.Sequential(nn.Conv2d(channels, w, 9, padding=4), nn.PReLU())
        body = [Residual(w) for _ in range(blocks)]
        self.body = nn.Sequential(*body, nn.Conv2d(w, w, 3, padding=1), nn.BatchNorm2d(w))
        ups = [nn.Sequential(nn.Conv2d(w, 4 * w, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()) for _ in range(scale // 2)]
        drawn = nn.Conv2d(w, channels, 9, padding=4)
        if skip:
            with torch.no_grad():
                for parameter, share in zip(drawn.parameters(), (0.1, 0.0), strict=True):  # weight, bias
                    parameter.mul_(share)
        self.last = nn.Sequential(*ups, drawn)

    def forward(self, small: Tensor) -> Tensor:
        x = self.first((small + 1) / 2)  # small pictures are in [0, 1] in the paper, large ones in [-1, 1]
        drawn = self.last(x + self.body(x))
        return drawn + F.interpolate(small, scale_factor=self.scale, mode="bilinear", align_corners=False) if self.skip else drawn


class Residual(nn.Module):
    """x + conv(PReLU(conv(x))), with batch norm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        conv, norm = (lambda: nn.Conv2d(c, c, 3, padding=1)), (lambda: nn.BatchNorm2d(c))
        self.layers = nn.Sequential(conv(), norm(), nn.PReLU(), conv(), norm())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Critic(nn.Module):
    """Eight convolutions, every second one of stride 2, and two linear layers: (N, C, S, S) to one logit."""

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, 1, 1), nn.LeakyReLU(0.2)]
        c = width
        for c_out, stride in ((1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1), (8, 2)):
            layers += [nn.Conv2d(c, c_out * width, 3, stride, 1), nn.BatchNorm2d(c_out * width), nn.LeakyReLU(0.2)]
            c = c_out * width
        self.maps = nn.Sequential(*layers)
        base = -(-size // 16)
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(c * base * base, 16 * width), nn.LeakyReLU(0.2))
        self.last = nn.Linear(16 * width, 1)
        self.num_features = 16 * width

    def forward(self, x: Tensor) -> Verdict:
        f = self.hidden(self.maps(x))
        return Verdict(x, (self.last(f).squeeze(1),), f)
