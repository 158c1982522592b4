"""Class-conditional GANs on DCGAN's networks, in four ways of telling them the class.

Mirza and Osindero, "Conditional generative adversarial nets", 2014 (concat); Odena, Olah and Shlens, "Conditional image synthesis with
auxiliary classifier GANs", ICML 2017 (auxiliary); Miyato and Koyama, "cGANs with projection discriminator", ICLR 2018 (projection, and
with it conditional batch norm, Dumoulin et al. 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from typing import ClassVar

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Verdict
from dazoo.errors import SettingsError
from dazoo.losses.game import Rules
from dazoo_noise_gans.dcgan import Critic
from dazoo_noise_gans.dcgan import Generator
from dazoo_noise_gans.dcgan import widths
from dazoo_noise_gans.layers import adam
from dazoo_noise_gans.layers import initialise
from dazoo_noise_gans.layers import joined
from dazoo_noise_gans.layers import known


CONDITIONS = ("auxiliary", "concat", "projection", "cbn")
PROJECTED = ("projection", "cbn")
DROPOUT = 0.5
"""Of the features that the class head reads (Odena et al. have it in every layer of the critic). Without it the head learns some thousands
of pictures by heart, and takes almost anything for what was asked."""


class ConditionalNorm(nn.Module):
    """Batch norm (N, C, H, W) whose scale and shift belong to the class (N,)."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(features, affine=False)
        self.scale, self.shift = nn.Embedding(classes, features), nn.Embedding(classes, features)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return self.norm(x) * self.scale(labels)[:, :, None, None] + self.shift(labels)[:, :, None, None]


class ClassGenerator(Generator):
    """DCGAN's generator, told the class by its norms (`by_norm`) or by a one-hot class in its code."""

    def __init__(self, code_size: int, channels: int, size: int, width: int, classes: int, *, by_norm: bool) -> None:
        super().__init__(code_size + (0 if by_norm else classes), channels, size, width, bias=True)
        self.classes, self.by_norm = classes, by_norm
        if by_norm:
            for i, layer in enumerate(self.layers):
                if isinstance(layer, nn.BatchNorm2d):
                    self.layers[i] = ConditionalNorm(layer.num_features, classes)

    def draw(self, code: Tensor, labels: Tensor) -> Tensor:
        """Codes (N, D) and classes (N,) to pictures."""
        if not self.by_norm:
            return self(torch.cat([code, F.one_hot(labels, self.classes).to(code.dtype)], 1))
        x = code[:, :, None, None]
        for layer in self.layers:
            x = layer(x, labels) if isinstance(layer, ConditionalNorm) else layer(x)
        return self.cropped(x)


class ClassCritic(nn.Module):
    """Picture (N, C, S, S) and class (N,) to logit (N,) and features f (N, F).

    `concat` and `auxiliary` have DCGAN's critic: the class is a plane beside the picture's own, or the critic is not told it and `named`
    guesses it. `projection` and `cbn` have spectral norm in the place of batch norm, sum the features over positions, and add <e_y, f>
    to the logit psi(f).
    """

    def __init__(self, channels: int, size: int, width: int, classes: int, condition: str) -> None:
        super().__init__()
        self.condition = condition
        self.trunk: nn.Module
        self.classes: nn.Module
        if condition in PROJECTED:
            self.trunk = SpectralCritic(channels, size, width)
            self.classes = spectral_norm(nn.Embedding(classes, self.trunk.num_features))
        else:
            plane = condition == "concat"
            self.trunk = Critic(channels + plane, size, width)
            self.classes = nn.Embedding(classes, size**2) if plane else nn.Linear(self.trunk.num_features, classes - 1)
        self.num_features = self.trunk.num_features

    def forward(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if self.condition == "concat":
            x = torch.cat([x, self.classes(labels).view(len(x), 1, *x.shape[2:])], 1)
        logits, f = self.trunk(x)
        return (logits + (self.classes(labels) * f).sum(1) if self.condition in PROJECTED else logits), f

    def named(self, f: Tensor) -> Tensor:
        """Features (N, F) to logits of the classes (N, K), of an auxiliary head."""
        logits: Tensor = self.classes(F.dropout(f, DROPOUT, self.training)).float()
        return logits


class SpectralCritic(nn.Module):
    """Picture (N, C, S, S) to logit psi(f) (N,) and features f (N, F), the sum over positions: DCGAN's strides with spectral norm."""

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        channels_of = [channels, *widths(size, width)]
        self.layers = nn.Sequential(
            *(
                nn.Sequential(spectral_norm(nn.Conv2d(c_in, c_out, 4, 2, 1)), nn.LeakyReLU(0.2))
                for c_in, c_out in zip(channels_of, channels_of[1:], strict=False)
            )
        )
        self.num_features = channels_of[-1]
        self.psi = spectral_norm(nn.Linear(self.num_features, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        f = self.layers(x).sum(dim=(2, 3))
        return self.psi(f).squeeze(1), f


class CGAN(GAN):
    """DCGAN's networks, told the class. Class K stands for "of the target domain, class unknown".

    | condition | generator | critic | game, Adam's betas |
    |---|---|---|---|
    | auxiliary | one-hot class in its code | not told; has a head that learns the class of real pictures | nonsaturating, 0.5, 0.999 |
    | concat | one-hot class in its code | a plane for each class beside the picture | nonsaturating, 0.5, 0.999 |
    | projection | one-hot class in its code | projection, spectral norm | hinge, 0, 0.9 |
    | cbn | batch norm's scale and shift for each class | projection, spectral norm | hinge, 0, 0.9 |

    The paper's auxiliary head learns generated pictures too, as the class that was asked for. It then calls early noise by that name, and
    the generator hears that it is right. Here it learns real ones alone, as in StudioGAN: after 5,000 steps 82 % of signs are read as the
    class asked for, in place of 56 %; 90 % with dropout and `balance` (docs/gans.md). Alone, the classes of the real pictures are drawn
    equally often (`balance`).

    Args:
        condition: how the class is told, see above.
        width: channels of the layer next to the picture, up to 8 times as many inwards.
        noise: length of the noise.
        lr: Adam's rate for both networks.
        contract: arguments of the contract, and settings of the game.

    Raises:
        SettingsError: a condition that does not exist.
    """

    takes = frozenset({"code", "labels"})
    bridges = ("synthesize", "generate_to_adapt")
    rules = Rules(ema=0.999)
    defaults: ClassVar[Mapping[str, Any]] = {"balance": True}

    def __init__(self, *, condition: str = "auxiliary", width: int = 32, noise: int = 64, lr: float = 2e-4, **contract: Any) -> None:
        if condition not in CONDITIONS:
            raise SettingsError(f"gan.condition is {condition!r}; expected one of {', '.join(CONDITIONS)}.")
        projected = condition in PROJECTED
        super().__init__(**{"game": "hinge" if projected else self.rules.game, **contract})
        self.condition, self.noise_size = condition, noise
        self.adam = adam(lr, (0.0, 0.9) if projected else (0.5, 0.999))
        classes, by_norm = self.num_classes + 1, condition == "cbn"
        self.generator = ClassGenerator(self.code_size + noise, self.channels, self.size, width, classes, by_norm=by_norm)
        self.critic = ClassCritic(self.channels, self.size, width, classes, condition)
        self.num_critic_features = self.critic.num_features
        for network in (self.generator,) if projected else (self.generator, self.critic):
            network.apply(initialise)

    def groups(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        return dict.fromkeys(self.groups(), self.adam)

    def generate(self, ask: Ask) -> Tensor:
        n, device = len(ask), self.device
        return self.generator.draw(joined(ask.code, self.draw(n, device)), known(ask.labels, n, self.num_classes, device))

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        logits, features = self.critic(images, known(labels, len(images), self.num_classes, images.device))
        return Verdict(images, (logits,), features)

    def critic_terms(self, real: Verdict, fake: Verdict) -> Mapping[str, Tensor]:
        terms = super().critic_terms(real, fake)
        return {**terms, "critic/auxiliary": self._named(real)} if self.condition == "auxiliary" else terms

    def generator_terms(self, fake: Verdict, real: Verdict | None = None) -> Mapping[str, Tensor]:
        terms = super().generator_terms(fake, real)
        return {**terms, "generator/auxiliary": self._named(fake)} if self.condition == "auxiliary" else terms

    def _named(self, verdict: Verdict) -> Tensor:
        """Cross-entropy of the critic's class head over the pictures whose class is known; 0 where none is."""
        labels = known(verdict.labels, len(verdict.features), self.num_classes, verdict.features.device)
        total = F.cross_entropy(self.critic.named(verdict.features), labels, ignore_index=self.num_classes, reduction="sum")
        return total / (labels < self.num_classes).sum().clamp_min(1)
