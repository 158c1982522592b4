"""A stranger's conditional GAN: the class is embedded beside the noise, and the critic is told it."""

import torch
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Verdict


class LabelGAN(GAN):
    """Dense layers. Takes classes, of which K is "target, class unknown"."""

    takes = frozenset({"labels"})
    noise_size = 8

    def __init__(self, *, width: int = 32, **contract) -> None:
        super().__init__(**contract)
        pixels = self.channels * self.size**2
        shape = self.channels, self.size, self.size
        self.num_critic_features = width
        self.embedding = nn.Embedding(self.num_classes + 1, 8)
        self.generator = nn.Sequential(
            nn.Linear(8 + self.noise_size, width), nn.ReLU(), nn.Linear(width, pixels), nn.Tanh(), nn.Unflatten(1, shape)
        )
        self.critic = nn.Sequential(nn.Flatten(), nn.Linear(pixels, width), nn.LeakyReLU(0.2))
        self.psi = nn.Linear(width, 1)
        self.phi = nn.Embedding(self.num_classes + 1, width)

    def groups(self):
        critic = nn.ModuleList([self.critic, self.psi, self.phi])
        return {"generator": nn.ModuleList([self.embedding, self.generator]), "critic": critic}

    def generate(self, ask):
        noise = self.draw(len(ask), self.embedding.weight.device)
        return self.generator(torch.cat([self.embedding(ask.labels), noise], 1))

    def judge(self, images, labels=None):
        f = self.critic(images)  # (N, width)
        return Verdict(images, (self.psi(f).squeeze(1) + (self.phi(labels) * f).sum(1),), f)
