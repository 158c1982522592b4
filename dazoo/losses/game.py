"""How critic and generator play: the adversarial loss, its regularisers, and what the critic is shown, as settings of every GAN."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

from dazoo.errors import SettingsError
from dazoo.losses.augment import STEPS
from dazoo.losses.augment import Adaptive
from dazoo.losses.augment import diff_augment
from dazoo.losses.gan import GAMES
from dazoo.losses.gan import gradient_penalty
from dazoo.losses.gan import r1_penalty


@dataclass(frozen=True)
class Rules:
    """The rules of one adversarial game. Set on the command line as `gan.game=relativistic`, `gan.r1=0.05`, ...

    Attributes:
        game: a name of `dazoo.losses.gan.GAMES`: "nonsaturating", "least_squares", "hinge", "wasserstein", "relativistic".
        r1, r2: weight (gamma) of half the squared gradient at real, and at generated pictures (R3GAN takes both).
        gradient_penalty: weight of (gradient norm - 1)^2 between real and generated pictures (WGAN-GP: 10).
        augment: DiffAugment policies that real and generated pictures go through before every critic: "color,translation,cutout".
        ada: 0 augments every picture; above 0, each policy changes a picture with a probability that rises while the critic is surer of
            real pictures than this (0.6 in the paper; share on its real side less share on the other). Without `augment`, all policies.
        spectral: spectral norm on every convolution and linear layer of the critics (Miyato et al. 2018).
        critic_repeats: updates of the critic in each step (WGAN-GP: 5).
        ema: decay of the average of the generator's weights, which draws the samples and is kept; 0 keeps none. The generator that plays is
            the one that learns.
    """

    game: str = "nonsaturating"
    r1: float = 0.0
    r2: float = 0.0
    gradient_penalty: float = 0.0
    augment: str = ""
    critic_repeats: int = 1
    ema: float = 0.0
    ada: float = 0.0
    spectral: bool = False
    adaptive: Adaptive | None = field(default=None, repr=False, compare=False)  # not a setting: what `apply` made of `ada`

    def __post_init__(self) -> None:
        if not isinstance(self.game, str) or self.game not in GAMES:
            raise SettingsError(f"gan.game is {self.game!r}; expected one of {', '.join(GAMES)}.")
        for name in ("r1", "r2", "gradient_penalty"):
            weight = getattr(self, name)
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1e6:
                raise SettingsError(f"gan.{name} is {weight!r}; expected a weight of 0 or more.")
        if not isinstance(self.augment, str) or set(self.policies) - set(STEPS):
            raise SettingsError(f"gan.augment is {self.augment!r}; expected some of {', '.join(STEPS)}, joined by commas.")
        if type(self.critic_repeats) is not int or not 1 <= self.critic_repeats <= 1000:
            raise SettingsError(f"gan.critic_repeats is {self.critic_repeats!r}; expected 1 to 1000.")
        if isinstance(self.ema, bool) or not isinstance(self.ema, int | float) or not 0 <= self.ema < 1:
            raise SettingsError(f"gan.ema is {self.ema!r}; expected a decay in [0, 1).")
        if isinstance(self.ada, bool) or not isinstance(self.ada, int | float) or not 0 <= self.ada < 1:
            raise SettingsError(f"gan.ada is {self.ada!r}; expected a share in [0, 1), such as 0.6.")
        if not isinstance(self.spectral, bool):
            raise SettingsError(f"gan.spectral is {self.spectral!r}; expected true or false.")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """What can be set."""
        return tuple(f.name for f in fields(cls) if f.name != "adaptive")

    def changed(self, settings: Mapping[str, Any]) -> Rules:
        """These rules with other settings.

        Raises:
            SettingsError: a value out of range.
        """
        return replace(self, **settings)

    @property
    def policies(self) -> tuple[str, ...]:
        """DiffAugment's policies by name."""
        return tuple(p.strip() for p in self.augment.split(",") if p.strip())

    @property
    def penalises(self) -> bool:
        """Whether a loss needs the gradient of the critic's logits at the pictures that it judged."""
        return bool(self.r1 or self.r2)

    @property
    def compares(self) -> bool:
        """Whether the generator's loss needs the critic's logits of real pictures (relativistic)."""
        return GAMES[self.game].compares

    def shown(self, images: Tensor) -> Tensor:
        """What a critic sees of images (N, C, H, W)."""
        if self.adaptive is not None:
            return self.adaptive(images)
        return diff_augment(images, self.policies) if self.policies else images

    def apply(self, critics: Sequence[nn.Module]) -> Rules:
        """Make of freshly built critics what the rules say, and give the rules that play with them. Needed once for each GAN.

        Spectral norm changes layers in place; ADA keeps its probability in the first critic. Both are part of the critics' state.
        """
        if self.spectral:
            for critic in critics:
                normalise(critic)
        return replace(self, adaptive=Adaptive(critics[0], self.ada, self.policies)) if self.ada and critics else self

    def critic_loss(self, real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
        """Sum over the critics of the critic's loss, from logits with N first."""
        game = GAMES[self.game]
        if self.adaptive is not None:
            levels = [f.mean() if game.undecided is None else game.undecided for f in fake]
            self.adaptive.update([r - level for r, level in zip(real, levels, strict=True)])
        return _total(game.critic(*(_paired(r, f) if game.compares else (r, f))) for r, f in zip(real, fake, strict=True))

    def generator_loss(self, fake: Sequence[Tensor], real: Sequence[Tensor] | None = None) -> Tensor:
        """Sum over the critics of the generator's loss.

        Raises:
            ValueError: the game compares with real pictures, and there are none.
        """
        game = GAMES[self.game]
        if not game.compares:
            return _total(game.generator(f, f) for f in fake)
        if real is None:
            raise ValueError(f"The game {self.game!r} compares generated pictures with real ones; give their logits too.")
        return _total(game.generator(f, r) for r, f in (_paired(r, f) for r, f in zip(real, fake, strict=True)))

    def penalties(
        self,
        real: tuple[Tensor, Sequence[Tensor]],
        fake: tuple[Tensor, Sequence[Tensor]],
        judge: Callable[[Tensor], Sequence[Tensor]],
    ) -> dict[str, Tensor]:
        """Regularisers of the critic by name, weighted.

        Args:
            real, fake: judged images (N, C, H, W), which require a gradient where `penalises`, and the critics' logits for them.
            judge: from images to logits of each critic, for pictures in between.
        """
        terms = {}
        if self.r1:
            terms["critic/r1"] = self.r1 * _total(r1_penalty(logits, real[0]) for logits in real[1])
        if self.r2:
            terms["critic/r2"] = self.r2 * _total(r1_penalty(logits, fake[0]) for logits in fake[1])
        if self.gradient_penalty:
            terms["critic/gradient_penalty"] = self.gradient_penalty * gradient_penalty(judge, real[0], fake[0])
        return terms


def normalise(critic: nn.Module) -> None:
    """Spectral norm on every convolution and linear layer that has none yet, in place."""
    for layer in critic.modules():
        if isinstance(layer, (nn.modules.conv._ConvNd, nn.Linear)) and not is_parametrized(layer, "weight"):
            with torch.no_grad():  # a weight that starts at zero has no direction to keep
                weight = layer.weight
                weight.copy_(torch.where(weight.abs().amax() > 0, weight, torch.randn_like(weight)))
            spectral_norm(layer)


def _total(terms: Any) -> Tensor:
    listed = list(terms)
    return listed[0] if len(listed) == 1 else torch.stack(listed).sum()


def _paired(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of pairs: where one side has more pictures, those of the other are taken in turn."""
    if len(real) == len(fake):
        return real, fake
    n = max(len(real), len(fake))
    rows = torch.arange(n, device=real.device)
    return real[rows % len(real)], fake[rows % len(fake)]
