"""DCGAN. Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional GANs", ICLR 2016."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import CriticOutput
from dazoo.losses.gan import nonsaturating_critic
from dazoo.losses.gan import nonsaturating_generator


class Generator(nn.Module):
    """Code (N, D) to picture (N, C, S, S): a projection to an S/8 map, then three fractionally strided convolutions."""

    def __init__(self, code_size: int, channels: int, size: int, width: int) -> None:
        super().__init__()
        base = -(-size // 8)  # rounded up; the picture is cropped to `size`
        self.size = size
        self.layers = nn.Sequential(
            *_up(code_size, 4 * width, base, 1, 0),
            *_up(4 * width, 2 * width, 4, 2, 1),
            *_up(2 * width, width, 4, 2, 1),
            nn.ConvTranspose2d(width, channels, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, code: Tensor) -> Tensor:
        x = self.layers(code[:, :, None, None])  # (N, C, 8 base, 8 base)
        cut = (x.shape[-1] - self.size) // 2
        return x[:, :, cut : cut + self.size, cut : cut + self.size]


class Critic(nn.Module):
    """Picture to (logit (N,), features (N, 4 width (S/8)^2)): strided convolutions, no batch norm on the pixels, no pooling."""

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        base = size // 8
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            *_down(width, 2 * width),
            *_down(2 * width, 4 * width),
        )
        self.last = nn.Conv2d(4 * width, 1, base)

    def forward(self, x: Tensor) -> CriticOutput:
        f = self.layers(x)
        return CriticOutput(self.last(f).flatten(1).mean(1), f.flatten(1))


class DCGAN(GAN):
    """Pictures from a code vector, by the paper's rules: no pooling, batch norm, ReLU and tanh, LeakyReLU 0.2 in the critic.

    Args:
        width: channels of the layer next to the picture; the widest layer has 4 times as many.
        lr: Adam's rate for both networks (betas 0.5, 0.999); 2e-4 in the paper, whose runs are a hundred times as long.
        kwargs: `channels`, `size`, `num_classes`, `code_size` of the contract.
    """

    takes = frozenset({"noise"})

    def __init__(self, *, width: int = 32, lr: float = 1e-3, **kwargs: int) -> None:
        super().__init__(**kwargs)
        self.lr = lr
        self.generator = Generator(self.code_size, self.channels, self.size, width)
        self.critic = Critic(self.channels, self.size, width)
        self.num_critic_features = 4 * width * (self.size // 8) ** 2
        for network in (self.generator, self.critic):
            network.apply(_initialise)

    def parts(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def optimizers(self) -> Mapping[str, Mapping[str, Any]]:
        adam = {"optimizer": "adam", "lr": self.lr, "betas": (0.5, 0.999), "weight_decay": 0.0}
        return {"generator": adam, "critic": adam}

    def generate(self, code: Tensor) -> Tensor:
        return self.generator(code)

    def judge(self, images: Tensor) -> CriticOutput:
        return self.critic(images)

    def critic_terms(self, real: CriticOutput, fake: CriticOutput) -> Mapping[str, Tensor]:
        return {"critic/adversarial": nonsaturating_critic(real.logits, fake.logits)}

    def generator_terms(self, fake: CriticOutput) -> Mapping[str, Tensor]:
        return {"generator/adversarial": nonsaturating_generator(fake.logits)}


def _up(c_in: int, c_out: int, kernel: int, stride: int, padding: int) -> tuple[nn.Module, ...]:
    conv = nn.ConvTranspose2d(c_in, c_out, kernel, stride, padding, bias=False)
    return conv, nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)


def _down(c_in: int, c_out: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(c_in, c_out, 4, 2, 1, bias=False), nn.BatchNorm2d(c_out), nn.LeakyReLU(0.2, inplace=True)


def _initialise(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions, N(1, 0.02) for the scale of batch norm (the paper's code)."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
