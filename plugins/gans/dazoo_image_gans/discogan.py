"""DiscoGAN. Kim, Cha, Kim, Lee and Kim, "Learning to discover cross-domain relations with generative adversarial networks", ICML 2017."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import Phase
from dazoo.contracts import Step
from dazoo.contracts import Verdict
from dazoo_image_gans.cyclegan import initialise
from dazoo_image_gans.game import tell_apart
from dazoo_image_gans.translating import Translating


class DiscoGAN(Translating):
    """Two encoder-decoders and two critics: cross-entropy game, matched features, squared reconstruction, no identity loss and no pool.

    The critics learn in every second step, so that a generator has two updates for one of a critic, as in the authors' code.

    Args:
        width: channels of the first layer; 0 takes the paper's 64 from 64 px on and 32 below.
        bottleneck: channels of the 1 x 1 middle of the generators (100 where the authors use one); 0, their default, has none.
        curriculum: share of the run in which the reconstruction weighs .01; later it weighs .5.
        batch: pictures of each domain that the networks see in a step.
        lr: Adam's rate (betas 0.5, 0.999; weight decay 1e-5).
        contract: arguments of the contract, and settings of the game.
    """

    weight_decay = 1e-5
    critic_target: Critic
    critic_source: Critic

    def __init__(
        self, *, width: int = 0, bottleneck: int = 0, curriculum: float = 0.1, batch: int = 64, lr: float = 2e-4, **contract: Any
    ) -> None:
        super().__init__(**contract)
        width = width or (64 if self.size >= 64 else 32)
        self.curriculum, self.batch, self.lr = curriculum, batch, lr
        self.forth, self.back = (Generator(self.channels, self.size, width, bottleneck) for _ in range(2))
        self.critic_target, self.critic_source = (Critic(self.channels, self.size, width) for _ in range(2))
        self.num_critic_features = self.critic_target.num_features

    def phases(self) -> list[Phase]:
        return [
            Phase("generator", self.side("generator"), self._generators),
            Phase("critic", self.side("critic"), self._critics, every=2, repeat=self.rules.critic_repeats),
        ]

    def _generators(self, step: Step) -> dict[str, Tensor]:
        source, target = step.source.images[: self.batch], step.target.images[: self.batch]
        to_target, to_source = self.translated(step), self.back(target)
        step.kept["discogan/fakes"] = (to_source.detach().float(), to_target.detach().float())  # the critics, next, are shown these
        fooled, matched = [], []
        for critic, fake, real in ((self.critic_target, to_target, target), (self.critic_source, to_source, source)):
            on_fake = critic.maps(self.rules.shown(fake))
            with torch.no_grad():
                on_real = critic.maps(self.rules.shown(real))
            fooled.append(self.rules.generator_loss(on_fake[-1:], on_real[-1:]))
            matched.append(feature_matching(on_real[1:-1], on_fake[1:-1]))
        there_and_back = F.mse_loss(self.back(to_target).float(), source) + F.mse_loss(self.forth(to_source).float(), target)
        r = 0.01 if step.progress < self.curriculum else 0.5
        return {
            "generator/adversarial": 0.1 * (1 - r) * torch.stack(fooled).sum(),
            "generator/features": 0.9 * (1 - r) * torch.stack(matched).sum(),
            "generator/reconstruction": r * there_and_back / 4,  # published for pictures in [0, 1]
        }

    def _critics(self, step: Step) -> dict[str, Tensor]:
        to_source, to_target = step.kept["discogan/fakes"]
        target, source = step.target.images[: self.batch], step.source.images[: self.batch]
        return {
            **tell_apart(self.rules, self.critic_target, target, to_target, side="target", factor=0.5),
            **tell_apart(self.rules, self.critic_source, source, to_source, side="source", factor=0.5),
        }


def feature_matching(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Sum over feature maps (N, F, h, w) of the mean squared distance of their batch means (Salimans et al., NeurIPS 2016)."""
    return torch.stack([(r.float().mean(0) - f.float().mean(0)).square().mean() for r, f in zip(real, fake, strict=True)]).sum()


def encoder(channels: int, size: int, width: int) -> tuple[list[nn.Module], int, int]:
    """Halvings with LeakyReLU 0.2, batch norm in all but the first, down to 4 to 7 px but at most four of them.

    Returns:
        One module for each halving, channels and side of the last map.
    """
    count = min(4, (size // 4).bit_length() - 1)
    blocks: list[nn.Module] = []
    for i in range(count):
        c_in, c_out = (channels if i == 0 else width << (i - 1)), width << i
        norm = [nn.BatchNorm2d(c_out)] if i else []
        blocks.append(nn.Sequential(nn.Conv2d(c_in, c_out, 4, 2, 1, bias=False), *norm, nn.LeakyReLU(0.2)))
    return blocks, width << (count - 1), size >> count


class Generator(nn.Module):
    """Encoder and mirrored decoder. The sigmoid's [0, 1] is inside; pictures (N, C, H, W) are in [-1, 1] at both ends."""

    def __init__(self, channels: int, size: int, width: int, bottleneck: int) -> None:
        super().__init__()
        down, c, _ = encoder(channels, size, width)
        self.multiple = 1 << len(down)
        base = -(-size // self.multiple)
        middle: list[nn.Module] = []
        if bottleneck:
            middle = [nn.Conv2d(c, bottleneck, base, bias=False), nn.BatchNorm2d(bottleneck), nn.LeakyReLU(0.2)]
            middle += [nn.ConvTranspose2d(bottleneck, c, base, bias=False), nn.BatchNorm2d(c), nn.ReLU()]
        up: list[nn.Module] = []
        for _ in range(len(down) - 1):
            up += [nn.ConvTranspose2d(c, c // 2, 4, 2, 1, bias=False), nn.BatchNorm2d(c // 2), nn.ReLU()]
            c //= 2
        self.layers = nn.Sequential(*down, *middle, *up, nn.ConvTranspose2d(c, channels, 4, 2, 1, bias=False), nn.Sigmoid())
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        x = F.pad(x, (0, -w % self.multiple, 0, -h % self.multiple), mode="replicate")
        return self.layers((x + 1) / 2)[..., :h, :w] * 2 - 1


class Critic(nn.Module):
    """The encoder, and one logit from its last map."""

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        blocks, self.num_features, base = encoder(channels, size, width)
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Conv2d(self.num_features, 1, base, bias=False)
        self.apply(initialise)

    def maps(self, x: Tensor) -> list[Tensor]:
        """The feature map of each block, and the logits (N, 1, h, w) at the end; x (N, C, H, W) in [-1, 1]."""
        found = []
        x = (x + 1) / 2
        for block in self.blocks:
            x = block(x)
            found.append(x)
        return [*found, self.last(x)]

    def forward(self, x: Tensor) -> Verdict:
        *_, f, logits = self.maps(x)
        return Verdict(x, (logits,), f.mean(dim=(2, 3)))
