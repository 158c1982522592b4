"""The first GAN. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Verdict
from dazoo.losses.game import Rules
from dazoo_noise_gans.layers import adam
from dazoo_noise_gans.layers import joined


class Vanilla(GAN):
    """Generator and critic of dense layers. The generator's loss is the paper's -log D(G(z)), from logits.

    The widths are those in common use, 128 to 1024 in the generator and 512, 256 in the critic, with LeakyReLU and batch norm; the
    paper's maxout, dropout and Parzen windows are history. It draws digits and blurred objects: of larger pictures it has no idea.

    Args:
        noise: length of the noise, which joins the code.
        lr: Adam's rate for both networks (betas 0.5, 0.999).
        contract: arguments of the contract, and settings of the game.
    """

    takes = frozenset({"code"})
    rules = Rules(ema=0.999)

    def __init__(self, *, noise: int = 100, lr: float = 2e-4, **contract: Any) -> None:
        super().__init__(**contract)
        self.noise_size, self.lr = noise, lr
        shape = (self.channels, self.size, self.size)
        pixels = self.channels * self.size**2
        layers: list[nn.Module] = [nn.Linear(self.code_size + noise, 128), nn.LeakyReLU(0.2)]
        for c in (128, 256, 512):
            layers += [nn.Linear(c, 2 * c), nn.BatchNorm1d(2 * c), nn.LeakyReLU(0.2)]
        self.generator = nn.Sequential(*layers, nn.Linear(1024, pixels), nn.Tanh(), nn.Unflatten(1, shape))
        self.critic = nn.ModuleDict(
            {
                "layers": nn.Sequential(nn.Flatten(), nn.Linear(pixels, 512), nn.LeakyReLU(0.2), nn.Linear(512, 256), nn.LeakyReLU(0.2)),
                "last": nn.Linear(256, 1),
            }
        )
        self.num_critic_features = 256

    def groups(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        return {name: adam(self.lr, (0.5, 0.999)) for name in self.groups()}

    def generate(self, ask: Ask) -> Tensor:
        return self.generator(joined(ask.code, self.draw(len(ask), self.device)))

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        features = self.critic["layers"](images)  # (N, 256)
        return Verdict(images, (self.critic["last"](features).squeeze(1),), features)
