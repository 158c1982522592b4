"""A stranger's networks in two other games: WGAN-GP with five critic updates, and the relativistic game of R3GAN."""

import torch
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Verdict
from dazoo.losses.game import Rules


class WGANGP(GAN):
    """Gulrajani et al., NeurIPS 2017: Wasserstein loss, gradient penalty 10, five critic updates, no batch norm in the critic."""

    takes = frozenset({"code"})
    rules = Rules(game="wasserstein", gradient_penalty=10.0, critic_repeats=5)
    noise_size = 8

    def __init__(self, *, width: int = 32, **contract) -> None:
        super().__init__(**contract)
        pixels = self.channels * self.size**2
        self.num_critic_features = width
        self.generator = nn.Sequential(
            nn.Linear(self.code_size + self.noise_size, width),
            nn.ReLU(),
            nn.Linear(width, pixels),
            nn.Tanh(),
            nn.Unflatten(1, (self.channels, self.size, self.size)),
        )
        self.critic = nn.Sequential(nn.Flatten(), nn.Linear(pixels, width), nn.SiLU())
        self.last = nn.Linear(width, 1)

    def groups(self):
        return {"generator": self.generator, "critic": nn.ModuleList([self.critic, self.last])}

    def optimizers(self):
        adam = {"optimizer": "adam", "lr": 1e-4, "betas": (0.0, 0.9), "weight_decay": 0.0}
        return {"generator": adam, "critic": adam}

    def generate(self, ask):
        return self.generator(torch.cat([ask.code, self.draw(len(ask), ask.code.device)], 1))

    def judge(self, images, labels=None):
        f = self.critic(images)
        return Verdict(images, (self.last(f).squeeze(1),), f)


class Relativistic(WGANGP):
    """Huang et al. (R3GAN), NeurIPS 2024: relativistic pairing with R1 and R2."""

    rules = Rules(game="relativistic", r1=0.05, r2=0.05)
