"""DCGAN. Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional GANs", ICLR 2016."""

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
from dazoo_noise_gans.layers import crop
from dazoo_noise_gans.layers import down
from dazoo_noise_gans.layers import halvings
from dazoo_noise_gans.layers import initialise
from dazoo_noise_gans.layers import joined
from dazoo_noise_gans.layers import up


MOST = 8
"""The widest layer over the one next to the picture: 8 at the paper's 64 px, and no more above."""


def widths(size: int, width: int) -> list[int]:
    """Channels from the layer next to the picture inwards, one for each time that the side is halved."""
    return [width * min(2**i, MOST) for i in range(halvings(size))]


class Generator(nn.Module):
    """Code (N, D) to picture (N, C, S, S): a projection to a small map, then fractionally strided convolutions that double it.

    The map has 4 px at 8, 16, 32, 64, ... px. At other sizes it is rounded up, and the picture is cropped.
    """

    def __init__(self, code_size: int, channels: int, size: int, width: int, *, bias: bool = False) -> None:
        super().__init__()
        first, *others = reversed(widths(size, width))
        self.size = size
        layers = [*up(code_size, first, -(-size // 2 ** halvings(size)), 1, 0)]
        for c_in, c_out in zip([first, *others], others, strict=False):
            layers += up(c_in, c_out, 4, 2, 1)
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=bias), nn.Tanh())

    def forward(self, code: Tensor) -> Tensor:
        return self.cropped(self.layers(code[:, :, None, None]))

    def cropped(self, x: Tensor) -> Tensor:
        """What the last layer gives, at the size of the pictures."""
        return crop(x, self.size)


class Critic(nn.Module):
    """Picture to (logit (N,), features (N, F)): strided convolutions, no batch norm on the pixels, no pooling."""

    def __init__(self, channels: int, size: int, width: int, *, bias: bool = False) -> None:
        super().__init__()
        first, *others = widths(size, width)
        layers: list[nn.Module] = [nn.Conv2d(channels, first, 4, 2, 1, bias=bias), nn.LeakyReLU(0.2, inplace=True)]
        for c_in, c_out in zip([first, *others], others, strict=False):
            layers += down(c_in, c_out)
        self.layers = nn.Sequential(*layers)
        base, last = size >> halvings(size), [first, *others][-1]
        self.last = nn.Conv2d(last, 1, base, bias=bias)
        self.num_features = last * base**2

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        f = self.layers(x)
        return self.last(f).flatten(1).mean(1), f.flatten(1)


class DCGAN(GAN):
    """Pictures from a code vector, by the paper's rules: no pooling, batch norm, ReLU and tanh, LeakyReLU 0.2 in the critic.

    Alone and at 64 px it is the networks of pytorch/examples to the parameter. Beside a classifier, whose features say most of what is
    drawn, it is half as wide and learns faster, and the layers next to the pictures and the logit have biases.

    Args:
        width: channels of the layer next to the picture, up to 8 times as many inwards; 0 takes 64 alone and 32 beside a classifier.
        noise: length of the noise, which joins the code; 0 takes 100 alone and 64 beside a classifier.
        lr: Adam's rate for both networks (betas 0.5, 0.999); 0 takes the paper's 2e-4 alone, and 1e-3 in the short runs of a classifier.
        contract: arguments of the contract, and settings of the game.
    """

    takes = frozenset({"code"})
    rules = Rules(ema=0.999)

    def __init__(self, *, width: int = 0, noise: int = 0, lr: float = 0.0, **contract: Any) -> None:
        super().__init__(**contract)
        alone = not self.code_size
        width, self.noise_size = width or (64 if alone else 32), noise or (100 if alone else 64)
        self.lr = lr or (2e-4 if alone else 1e-3)
        self.generator = Generator(self.code_size + self.noise_size, self.channels, self.size, width, bias=not alone)
        self.critic = Critic(self.channels, self.size, width, bias=not alone)
        self.num_critic_features = self.critic.num_features
        for network in (self.generator, self.critic):
            network.apply(initialise)

    def groups(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        return {name: adam(self.lr, (0.5, 0.999)) for name in self.groups()}

    def generate(self, ask: Ask) -> Tensor:
        return self.generator(joined(ask.code, self.draw(len(ask), self.device)))  # from (N, D + noise)

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        logits, features = self.critic(images)
        return Verdict(images, (logits,), features)
