"""A class-conditional GAN with a projection critic.

Mirza and Osindero, "Conditional generative adversarial nets", 2014; Miyato and Koyama, "cGANs with projection discriminator", ICLR 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Verdict
from dazoo.losses.game import Rules
from dazoo_noise_gans.dcgan import Generator
from dazoo_noise_gans.dcgan import initialise


class ProjectionCritic(nn.Module):
    """Picture (N, C, S, S) and class (N,) to logit psi(f) + <e_y, f>, with f (N, 4 width) the sum over positions; spectral norm."""

    def __init__(self, channels: int, width: int, classes: int) -> None:
        super().__init__()
        widths = (channels, width, 2 * width, 4 * width)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(spectral_norm(nn.Conv2d(c_in, c_out, 4, 2, 1)), nn.LeakyReLU(0.2))
                for c_in, c_out in zip(widths, widths[1:], strict=False)
            )
        )
        self.psi = spectral_norm(nn.Linear(4 * width, 1))
        self.classes = spectral_norm(nn.Embedding(classes, 4 * width))

    def forward(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        f = self.layers(x).sum(dim=(2, 3))  # (N, F)
        return self.psi(f).squeeze(1) + (self.classes(labels) * f).sum(1), f


class CGAN(GAN):
    """DCGAN's generator with the class in its code, and a projection critic, which is told the class.

    Class K stands for "of the target domain, class unknown".

    Args:
        width: channels of the layer next to the picture; the widest layer has 4 times as many.
        noise: length of the noise.
        lr: Adam's rate for both networks (betas 0, 0.9).
        contract: arguments of the contract, and settings of the game.
    """

    takes = frozenset({"code", "labels"})
    bridges = ("synthesize", "generate_to_adapt")
    rules = Rules(game="hinge")

    def __init__(self, *, width: int = 32, noise: int = 64, lr: float = 2e-4, **contract: Any) -> None:
        super().__init__(**contract)
        self.lr, self.noise_size = lr, noise
        classes = self.num_classes + 1
        self.generator = Generator(self.code_size + classes + noise, self.channels, self.size, width)
        self.generator.apply(initialise)
        self.critic = ProjectionCritic(self.channels, width, classes)
        self.num_critic_features = 4 * width

    def groups(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        adam: OptimizerSettings = {"optimizer": "adam", "lr": self.lr, "betas": (0.0, 0.9), "weight_decay": 0.0}
        return {"generator": adam, "critic": adam}

    def generate(self, ask: Ask) -> Tensor:
        device = next(self.generator.parameters()).device
        one_hot = F.one_hot(self._classes(ask.labels, len(ask), device), self.num_classes + 1).float()
        code = [] if ask.code is None else [ask.code]
        return self.generator(torch.cat([*code, one_hot, self.draw(len(ask), device)], 1))

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        logits, features = self.critic(images, self._classes(labels, len(images), images.device))
        return Verdict(images, (logits,), features)

    def _classes(self, labels: Tensor | None, n: int, device: torch.device) -> Tensor:
        """The labels (N,), or "unknown" for all."""
        return torch.full((n,), self.num_classes, device=device) if labels is None else labels
