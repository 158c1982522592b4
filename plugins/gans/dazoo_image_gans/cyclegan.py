"""CycleGAN. Zhu, Park, Isola and Efros, "Unpaired image-to-image translation using cycle-consistent adversarial networks", ICCV 2017."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from typing import cast

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import Phase
from dazoo.contracts import Step
from dazoo.contracts import Verdict
from dazoo.losses.game import Rules
from dazoo_image_gans.game import fool
from dazoo_image_gans.game import tell_apart
from dazoo_image_gans.translating import Translating


class CycleGAN(Translating):
    """Two generators and two patch critics; each picture must survive the way there and back.

    Args:
        width: channels of the first layer; 0 takes the paper's 64 from 64 px on and 32 below.
        blocks: residual blocks; 0 takes the paper's 9 above 128 px, 6 from 64 px on, and 3 below.
        cycle: weight of the cycle loss (10 in the paper). identity: weight of the identity loss (5).
        pool: pictures in the history that the critics are shown (50).
        batch: pictures of each domain that the networks see in a step (1 in the paper, whose pictures are larger).
        lr: Adam's rate (betas 0.5, 0.999).
        contract: arguments of the contract, and settings of the game.
    """

    rules = Rules(game="least_squares")

    def __init__(
        self,
        *,
        width: int = 0,
        blocks: int = 0,
        cycle: float = 10.0,
        identity: float = 5.0,
        pool: int = 50,
        batch: int = 8,
        lr: float = 2e-4,
        **contract: Any,
    ) -> None:
        super().__init__(**contract)
        large = self.size >= 64
        width = width or (64 if large else 32)
        blocks = blocks or (9 if self.size > 128 else 6 if large else 3)
        self.cycle, self.identity, self.batch, self.lr = cycle, identity, batch, lr
        self.forth, self.back = (Generator(self.channels, width, blocks) for _ in range(2))
        self.critic_target, self.critic_source = (Critic(self.channels, width, 3 if large else 2) for _ in range(2))
        self.pools = nn.ModuleDict({side: ImagePool(pool, self.channels, self.size) for side in ("source", "target")})
        self.num_critic_features = self.critic_target.num_features

    def groups(self) -> Mapping[str, nn.Module]:
        return {**super().groups(), "critic_pools": self.pools}

    def phases(self) -> list[Phase]:
        return [
            Phase("generator", ("generator", "generator_back"), self._generators),
            Phase("critic", ("critic", "critic_source"), self._critics, repeat=self.rules.critic_repeats),
        ]

    def _generators(self, step: Step) -> dict[str, Tensor]:
        source, target = step.source.images[: self.batch], step.target.images[: self.batch]
        to_target, to_source = self.translated(step), self.back(target)
        step.kept["cyclegan/fakes"] = (to_source.detach().float(), to_target.detach().float())  # the critics, next, are shown these
        sides = ((self.critic_target, to_target, target), (self.critic_source, to_source, source))
        fooled = torch.stack([fool(self.rules, critic, fake, real) for critic, fake, real in sides]).sum()
        cycle = F.l1_loss(self.back(to_target).float(), source) + F.l1_loss(self.forth(to_source).float(), target)
        terms = {"generator/adversarial": fooled, "generator/cycle": self.cycle * cycle}
        if self.identity:
            same = F.l1_loss(self.forth(target).float(), target) + F.l1_loss(self.back(source).float(), source)
            terms["generator/identity"] = self.identity * same
        return terms

    def _critics(self, step: Step) -> dict[str, Tensor]:
        to_source, to_target = step.kept["cyclegan/fakes"]
        sides = (
            ("target", self.critic_target, step.target.images[: self.batch], to_target),
            ("source", self.critic_source, step.source.images[: self.batch], to_source),
        )
        terms: dict[str, Tensor] = {}
        half = 0.5 if self.rules.game == "least_squares" else 1.0  # the paper's factor belongs to its game
        for side, critic, real, fake in sides:
            drawn = cast("ImagePool", self.pools[side]).exchange(fake)
            terms |= tell_apart(self.rules, critic, real, drawn, side=side, factor=half)
        return terms


class Generator(nn.Module):
    """c7s1-w, d2w, d4w, residual blocks, u2w, uw, c7s1-C with tanh; reflection padding, instance norm. Any H and W."""

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        w = width
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(3),
            *_unit(nn.Conv2d(channels, w, 7), w),
            *_unit(nn.Conv2d(w, 2 * w, 3, 2, 1), 2 * w),
            *_unit(nn.Conv2d(2 * w, 4 * w, 3, 2, 1), 4 * w),
            *(Residual(4 * w) for _ in range(blocks)),
            *_unit(nn.ConvTranspose2d(4 * w, 2 * w, 3, 2, 1, output_padding=1), 2 * w),
            *_unit(nn.ConvTranspose2d(2 * w, w, 3, 2, 1, output_padding=1), w),
            nn.ReflectionPad2d(3),
            nn.Conv2d(w, channels, 7),
            nn.Tanh(),
        )
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        x = F.pad(x, (0, -w % 4, 0, -h % 4), mode="replicate")  # two halvings need multiples of 4
        return self.layers(x)[..., :h, :w]


class Residual(nn.Module):
    """x + conv(conv(x)), with instance norm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1), *_unit(nn.Conv2d(c, c, 3), c), nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), nn.InstanceNorm2d(c)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Critic(nn.Module):
    """Patch critic: a map of logits, each judging the patch it sees (70 x 70 px with `depth` 3).

    Args:
        norm: normalisation of all but the first layer. Before batch norm, which has a bias of its own, convolutions have none.
    """

    def __init__(self, channels: int, width: int, depth: int, norm: type[nn.Module] = nn.InstanceNorm2d) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        c, biased = width, norm is not nn.BatchNorm2d
        for i in range(1, depth + 1):
            stride = 1 if i == depth else 2
            layers += [nn.Conv2d(c, 2 * c, 4, stride, 1, bias=biased), norm(2 * c), nn.LeakyReLU(0.2, inplace=True)]
            c *= 2
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv2d(c, 1, 4, 1, 1)
        self.num_features = c
        self.apply(initialise)

    def forward(self, x: Tensor) -> Verdict:
        f = self.layers(x)  # (N, F, h, w)
        return Verdict(x, (self.last(f),), f.mean(dim=(2, 3)))


class ImagePool(nn.Module):
    """A history of generated pictures (Shrivastava et al., CVPR 2017): half of what the critic is shown is old.

    The pictures and their number are buffers, so the pool survives a resume.
    """

    images: Tensor
    filled: Tensor

    def __init__(self, size: int, channels: int, side: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, channels, side, side))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def exchange(self, fresh: Tensor) -> Tensor:
        """Give in (N, C, H, W), get as many back: while the pool fills, the same; then about half of them from the history."""
        n, size = len(fresh), len(self.images)
        slots = torch.randint(size, (n,), device=fresh.device)
        old = self.images[slots]
        usable = (slots < self.filled) & (torch.rand(n, device=fresh.device) < 0.5)
        shown = torch.where(usable[:, None, None, None], old, fresh)
        empty = self.filled + torch.arange(n, device=fresh.device)  # the next free places, while there are any
        places = torch.where(empty < size, empty, torch.where(usable, slots, size))
        kept = places < size
        padded = torch.cat([self.images, self.images[:1]])  # the extra row takes what is not kept, without a branch
        padded[torch.where(kept, places, size)] = fresh.to(padded.dtype)
        self.images.copy_(padded[:size])
        self.filled.copy_((self.filled + n).clamp_max(size))
        return shown


def _unit(conv: nn.Module, channels: int) -> tuple[nn.Module, ...]:
    return conv, nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)


def initialise(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions, N(1, 0.02) for the scale of batch norm, as in the code of all of these papers."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
