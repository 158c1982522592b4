"""3D-GAN and 3D-VAE-GAN, with silhouettes as pictures.

Wu, Zhang, Xue, Freeman and Tenenbaum, "Learning a probabilistic latent space of object shapes via 3D generative-adversarial modeling",
NeurIPS 2016; Gadelha, Maji and Wang (PrGAN), 3DV 2017, for learning volumes through a critic of pictures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Phase
from dazoo.contracts import Step
from dazoo.contracts import Verdict
from dazoo.errors import SettingsError
from dazoo_volume_gans.networks import Encoder
from dazoo_volume_gans.networks import Generator
from dazoo_volume_gans.networks import PictureCritic
from dazoo_volume_gans.networks import VolumeCritic
from dazoo_volume_gans.networks import initialise
from dazoo_volume_gans.rendering import silhouettes
from dazoo_volume_gans.shapes import procedural
from dazoo_volume_gans.shapes import read_voxels


TOO_SURE = 0.8
"""Accuracy above which the critic of volumes is not trained further (the paper's)."""


class VoxGAN(GAN):
    """A volume for each code; its silhouette is the picture, which a critic of pictures judges.

    With `shapes` the game of 3D-VAE-GAN is played beside that one: a critic of volumes compares with those shapes, and an encoder learns to
    read the volume from the picture (`voxelize`). Its pairs of picture and volume are made where they are needed; no image set holds them.

    Args:
        side: voxels per side: 16, 32, or the paper's 64.
        width: channels next to the volume, and of the first layers of critics and encoder (64 in the paper).
        noise: length of the noise (200).
        shapes: "procedural", "none", or an .npz file of voxels; "" is "procedural" alone and "none" beside a classifier.
        kl, reconstruction: weights of the encoder's divergence from the normal distribution, and of the squared difference of voxels, each
            a sum over code or volume. Ten times the divergence and a tenth of the difference, and the backs of chairs are not learnt
            (docs/gans.md).
        views: directions, spread about the vertical axis, from which a volume is seen at random; 1 is from the front.
        critic_lr: Adam's rate for the critic of volumes (1e-5 in the paper, whose runs are long; the generator's is 2.5e-3).
        contract: arguments of the contract, and settings of the game.

    Raises:
        SettingsError: another side, or fewer than one view.
        DataError: when training begins, a file of shapes that cannot be read.
    """

    takes = frozenset({"code"})
    files = ("shapes",)
    min_size = 16

    def __init__(
        self,
        *,
        side: int = 16,
        width: int = 64,
        noise: int = 200,
        shapes: str | Mapping[str, str] = "",
        kl: float = 0.001,
        reconstruction: float = 0.1,
        views: int = 1,
        critic_lr: float = 1e-5,
        **contract: Any,
    ) -> None:
        super().__init__(**contract)
        if side not in (16, 32, 64):
            raise SettingsError(f"gan.side is {side!r}; expected 16, 32 or 64 voxels.")
        if views < 1:
            raise SettingsError(f"gan.views is {views!r}; expected 1 or more.")
        self.voxels, self.noise_size, self.views = side, noise, views
        self.kl, self.reconstruction, self.critic_lr = kl, reconstruction, critic_lr
        self.shapes = shapes or ("none" if self.code_size else "procedural")
        self.jobs = ("voxelize",) if self.pairs else ()
        self.known: Tensor | None = None  # the volumes of a file, read when training begins: see `files`
        self.generator = Generator(self.code_size + noise, side, width)
        self.critic = PictureCritic(self.channels, self.size, width)
        self.num_critic_features = self.critic.num_features
        self.volume_critic = VolumeCritic(side, width)
        self.encoder = Encoder(self.channels, self.size, noise, width)
        for network in (self.generator, self.critic, self.volume_critic, self.encoder):
            network.apply(initialise)

    @property
    def pairs(self) -> bool:
        """Whether it learns from shapes too."""
        return self.shapes != "none"

    def groups(self) -> Mapping[str, nn.Module]:
        own: dict[str, nn.Module] = {"generator": self.generator, "critic": self.critic}
        return {**own, "generator_encoder": self.encoder, "critic_volumes": self.volume_critic} if self.pairs else own

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        rates = {"generator": 2.5e-3, "critic": 2e-4, "generator_encoder": 1e-3, "critic_volumes": self.critic_lr}
        return {name: {"optimizer": "adam", "lr": rates[name], "betas": (0.5, 0.999), "weight_decay": 0.0} for name in self.groups()}

    def draw(self, n: int, device: torch.device) -> Tensor:
        """Noise (n, noise_size): normal where the encoder's codes are, else uniform in [0, 1] as in 3D-GAN."""
        return torch.randn(n, self.noise_size, device=device) if self.pairs else torch.rand(n, self.noise_size, device=device)

    def volumes(self, code: Tensor | None, noise: Tensor) -> Tensor:
        """Volumes (N, 1, d, d, d) in [0, 1] of codes (N, D) and noise (N, noise_size); without a code it is 0."""
        if code is None:
            code = noise.new_zeros(len(noise), self.code_size)
        return self.generator(torch.cat([code, noise], 1))

    def generate(self, ask: Ask) -> Tensor:
        """Silhouettes of the volumes of what is asked, (N, C, size, size) in [-1, 1], equal in all channels."""
        return self.seen(self.volumes(ask.code, self.draw(len(ask), next(self.generator.parameters()).device)))

    def seen(self, volumes: Tensor) -> Tensor:
        """Pictures (N, C, size, size) in [-1, 1] of volumes (N, 1, d, d, d), each from one of the views."""
        azimuth = None
        if self.views > 1:
            azimuth = torch.randint(self.views, (len(volumes),), device=volumes.device) * (2 * math.pi / self.views)
        return (silhouettes(volumes, self.size, azimuth) * 2 - 1).expand(-1, self.channels, -1, -1)

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        return self.critic(images)

    @torch.no_grad()
    def voxelize(self, images: Tensor) -> Tensor:
        """The volumes (N, d, d, d) in [0, 1] that pictures (N, C, size, size) are taken for.

        Raises:
            SettingsError: it has not learnt from shapes.
        """
        if not self.pairs:
            raise SettingsError("This GAN has learnt no volumes; train it with --set gan.shapes=procedural, or with a file of voxels.")
        return self.volumes(None, self.encoder(images)[0])[:, 0]

    # ------------------------------------------------------------------ 3D-VAE-GAN

    def phases(self) -> list[Phase]:
        """The game with shapes; that with pictures is the bridge's."""
        if not self.pairs:
            return []
        if isinstance(self.shapes, str) and self.shapes != "procedural" and self.known is None:
            self.known = read_voxels(self.shapes, self.voxels)
        return [
            Phase("critic", ("critic_volumes",), self._critic, repeat=self.rules.critic_repeats),
            Phase("generator", ("generator", "generator_encoder"), self._generator),
        ]

    def _critic(self, step: Step) -> dict[str, Tensor]:
        return self.critic_loss(self.shapes_like(step.source.images))

    def _generator(self, step: Step) -> dict[str, Tensor]:
        return self.generator_loss(self.shapes_like(step.source.images))

    def shapes_like(self, images: Tensor) -> Tensor:
        """As many shapes (n, 1, d, d, d) as there are pictures, on their device; those of a file in one of four directions."""
        n, device = len(images), images.device
        if self.known is None:
            return procedural(n, self.voxels, device)
        rows = torch.randint(len(self.known), (n,), device=device)
        turns = torch.randint(4, (n,), device=device)
        chosen = self.known.to(device)[rows]
        return torch.stack([chosen.rot90(k, (2, 4)) for k in range(4)])[turns, torch.arange(n, device=device)]

    def critic_loss(self, real: Tensor) -> dict[str, Tensor]:
        """The critic's loss on shapes (N, 1, d, d, d) and as many drawn volumes; no term where it was too sure in its last batch."""
        with torch.no_grad():
            fake, *_ = self._drawn(real)
        on_real, on_fake = self.volume_critic(real), self.volume_critic(fake)
        sure = bool(self.volume_critic.accuracy > TOO_SURE)
        right = torch.cat([on_real > 0, on_fake <= 0]).float().mean()
        self.volume_critic.accuracy.copy_(right)
        rules = replace(self.rules, adaptive=None)  # volumes are not augmented, so what they are taken for changes nothing there
        return {} if sure else {"critic/volumes": rules.critic_loss([on_real], [on_fake])}

    def _drawn(self, shapes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As many volumes as there are shapes from noise, and from codes of the shapes' pictures; mean and log variance of those codes.

        Both go through the generator as one batch: its running statistics would fit neither if batches of noise and of codes took turns.
        """
        mean, log_variance = (x.float() for x in self.encoder(self.seen(shapes)))
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        noise = self.draw(len(shapes), shapes.device)
        drawn, rebuilt = self.volumes(None, torch.cat([noise, code])).float().chunk(2)
        return drawn, rebuilt, mean, log_variance

    def generator_loss(self, shapes: Tensor) -> dict[str, Tensor]:
        """The loss of generator and encoder on shapes (N, 1, d, d, d) and the pictures of them."""
        with torch.no_grad():
            real = [self.volume_critic(shapes)] if self.rules.compares else None
        drawn, rebuilt, mean, log_variance = self._drawn(shapes)
        fake = self.volume_critic(drawn)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return {
            "generator/volumes": self.rules.generator_loss([fake], real),
            "generator/kl": self.kl * divergence,
            "generator/reconstruction": self.reconstruction * F.mse_loss(rebuilt, shapes, reduction="sum") / len(shapes),
        }
