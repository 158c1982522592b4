"""StyleGAN2 with adaptive augmentation.

Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020; "Training generative adversarial networks with limited
data", NeurIPS 2020 (ADA, the setting `ada`). Written from the papers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Phase
from dazoo.contracts import Step
from dazoo.contracts import Verdict
from dazoo.losses.game import Rules
from dazoo.losses.gan import r1_penalty
from dazoo_noise_gans.filters import double
from dazoo_noise_gans.filters import halve
from dazoo_noise_gans.layers import adam
from dazoo_noise_gans.layers import crop
from dazoo_noise_gans.layers import halvings
from dazoo_noise_gans.styles import Conv
from dazoo_noise_gans.styles import Linear
from dazoo_noise_gans.styles import Modulated
from dazoo_noise_gans.styles import Styled
from dazoo_noise_gans.styles import activate
from dazoo_noise_gans.styles import deviation


R1_EVERY, PATHS_EVERY = 16, 4
"""Steps between two updates with a lazy regulariser; its weight is multiplied by them."""


def widths(size: int, width: int) -> list[int]:
    """Channels from the picture's side inwards: doubled as the side is halved, up to four times `width`."""
    return [width * min(2**i, 4) for i in range(halvings(size) + 1)]


class StyleMapping(nn.Module):
    """Noise (N, Z), and a code (N, D) where there is one, to style w (N, W).

    Buffers: `middle`, the running mean of w (W,), and `path`, that of the length of a step in w.
    """

    middle: Tensor
    path: Tensor

    def __init__(self, noise: int, code: int, style: int, depth: int) -> None:
        super().__init__()
        self.code_size = code
        if code:
            self.embed = Linear(code, noise)
        shape = [noise * (2 if code else 1)] + [style] * depth
        self.layers = nn.ModuleList(Linear(a, b, rate=0.01) for a, b in zip(shape, shape[1:], strict=False))
        self.register_buffer("middle", torch.zeros(style))
        self.register_buffer("path", torch.zeros(()))

    def forward(self, noise: Tensor, code: Tensor | None) -> Tensor:
        x = _unit(noise)
        if self.code_size:
            told = torch.zeros(len(noise), self.code_size, device=noise.device) if code is None else code
            x = torch.cat([x, _unit(self.embed(told))], 1)
        for layer in self.layers:
            x = activate(layer(x))
        if self.training:
            with torch.no_grad():
                self.middle.lerp_(x.detach().float().mean(0), 1 - 0.998)
        return x


class Synthesis(nn.Module):
    """Styles (N, L, W), one for each convolution, to pictures (N, C, S, S): a learnt map, doubled, with the colours of all sides added."""

    def __init__(self, channels: int, size: int, width: int, style: int) -> None:
        super().__init__()
        self.size = size
        first, *others = reversed(widths(size, width))
        side = -(-size // 2 ** halvings(size))
        self.start = nn.Parameter(torch.randn(1, first, side, side))
        self.layers = nn.ModuleList([Styled(first, first, style, side)])
        self.colours = nn.ModuleList([Modulated(first, channels, 1, style, demodulate=False)])
        for c_in, c_out in zip([first, *others], others, strict=False):
            side *= 2
            self.layers += [Styled(c_in, c_out, style, side), Styled(c_out, c_out, style, side)]
            self.colours.append(Modulated(c_out, channels, 1, style, demodulate=False))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, styles: Tensor, *, steady: bool = False) -> Tensor:
        w = styles.unbind(1)
        x = self.layers[0](self.start.expand(len(styles), -1, -1, -1), w[0], steady=steady)
        picture = self.colours[0](x, w[1])
        for i in range(1, len(self.colours)):
            x = self.layers[2 * i - 1](double(x), w[2 * i - 1], steady=steady)
            x = self.layers[2 * i](x, w[2 * i], steady=steady)
            picture = double(picture) + self.colours[i](x, w[2 * i + 1])
        return torch.tanh(crop(picture + self.shift, self.size))

    @property
    def styles(self) -> int:
        """L: the convolutions, and the last side's colours; colours of a side take the style of what comes next."""
        return len(self.layers) + 1


class Block(nn.Module):
    """Two convolutions beside a 1 x 1 convolution, all to half the side."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.first, self.second = Conv(c_in, c_in, 3), Conv(c_in, c_out, 3)
        self.skip = Conv(c_in, c_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = activate(self.second(halve(activate(self.first(x)))))
        return (y + self.skip(halve(x))) * 0.5**0.5


class Critic(nn.Module):
    """Picture (N, C, S, S) to logit (N,) and features (N, F)."""

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        shape = widths(size, width)
        last, side = shape[-1], -(-size // 2 ** halvings(size))
        self.colours = Conv(channels, shape[0], 1)
        self.blocks = nn.Sequential(*(Block(a, b) for a, b in zip(shape, shape[1:], strict=False)))
        self.conv, self.dense, self.last = Conv(last + 1, last, 3), Linear(last * side**2, last), Linear(last, 1)
        self.num_features = last

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.blocks(activate(self.colours(x)))
        x = activate(self.conv(deviation(x)))
        f = activate(self.dense(x.flatten(1)))
        return self.last(f).squeeze(1), f


class StyleGAN(GAN):
    """StyleGAN2: noise becomes a style, which scales the weights of every convolution. The picture ends in tanh, to stay in [-1, 1].

    It starts from a map of 4 px where the size is a power of two, and of up to 7 px otherwise, so that little is cropped. Widths and
    depth are small enough for a CPU at 32 px; the paper's are 512 and 8 at all small sides.

    Args:
        width: channels next to the picture; twice as many at half the side, four times from a quarter of it inwards.
        style: length of the style w and of the noise.
        depth: layers of the mapping network (8 in the paper, 2 for CIFAR-10).
        mixing: probability that a picture takes the styles of two draws, one for coarse and one for fine sides (0.9 for faces, else 0).
        path_length: weight of path length regularisation, in each fourth step; None takes the paper's 2 above 64 px, and 0 as for CIFAR-10.
        lr: Adam's rate for both networks (betas 0, 0.99).
        contract: arguments of the contract, and settings of the game. R1 is taken in each 16th step, with 16 times its weight,
            0.01 as the paper has it for CIFAR-10; for larger pictures its code takes 0.0002 size^2 / batch.
    """

    takes = frozenset({"code"})
    rules = Rules(r1=0.01, ema=0.999)

    def __init__(
        self,
        *,
        width: int = 24,
        style: int = 128,
        depth: int = 2,
        mixing: float = 0.0,
        path_length: float | None = None,
        lr: float = 2.5e-3,
        **contract: Any,
    ) -> None:
        super().__init__(**contract)
        self.noise_size, self.mixing, self.lr = style, mixing, lr
        self.path_length = (2.0 if self.size > 64 else 0.0) if path_length is None else path_length
        self.mapping = StyleMapping(style, self.code_size, style, depth)
        self.synthesis = Synthesis(self.channels, self.size, width, style)
        self.critic = Critic(self.channels, self.size, width)
        self.num_critic_features = self.critic.num_features

    def groups(self) -> Mapping[str, nn.Module]:
        return {"generator": self.synthesis, "generator_mapping": self.mapping, "critic": self.critic}

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        return {name: adam(self.lr, (0.0, 0.99)) for name in self.groups()}

    def map(self, noise: Tensor, code: Tensor | None = None) -> Tensor:
        """Noise (N, Z) and code (N, D) to styles w (N, W)."""
        return self.mapping(noise, code)

    def synthesise(self, styles: Tensor, *, steady: bool = True) -> Tensor:
        """Pictures of styles (N, W), or (N, L, W) with one for each convolution; `steady` takes the same noise for all pixels each time."""
        return self.synthesis(self._spread(styles), steady=steady)

    def latent(self, n: int, device: torch.device, *, truncation: float = 1.0) -> Tensor:
        """Styles w (n, W), drawn towards their running mean by `truncation` in [0, 1]."""
        return torch.lerp(self.mapping.middle, self.map(self.draw(n, device)), truncation)

    def between(self, a: Tensor, b: Tensor, share: Tensor | float) -> Tensor:
        """The straight way: styles lie on no sphere."""
        return torch.lerp(a, b, torch.as_tensor(share, dtype=a.dtype, device=a.device))

    def render(self, latent: Tensor, labels: Tensor | None = None, *, code: Tensor | None = None) -> Tensor:
        """Pictures of styles (N, W), the same each time. The style says everything; labels and a code add nothing."""
        return self.synthesise(latent)

    def generate(self, ask: Ask) -> Tensor:
        return self.synthesis(self._styles(ask))

    def _styles(self, ask: Ask) -> Tensor:
        """Styles (N, L, W) for what is asked, mixed of two draws for some pictures."""
        n = len(ask)
        styles = self._spread(self.map(self.draw(n, self.device), ask.code))
        if not self.mixing:
            return styles
        other = self._spread(self.map(self.draw(n, self.device), ask.code))
        cut = torch.randint(1, styles.shape[1], (n, 1, 1), device=styles.device)
        mixed = (torch.arange(styles.shape[1], device=styles.device)[:, None] >= cut) & (
            torch.rand(n, 1, 1, device=styles.device) < self.mixing
        )
        return torch.where(mixed, other, styles)

    def _spread(self, styles: Tensor) -> Tensor:
        return styles if styles.ndim == 3 else styles[:, None].expand(-1, self.synthesis.styles, -1)

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        logits, features = self.critic(images)
        return Verdict(images, (logits,), features)

    def critic_terms(self, real: Verdict, fake: Verdict) -> Mapping[str, Tensor]:
        """The game, and penalties other than R1, which is lazy."""
        eager = replace(self.rules, r1=0.0)
        penalties = eager.penalties((real.images, real.logits), (fake.images, fake.logits), lambda between: self.look(between).logits)
        return {"critic/adversarial": self.rules.critic_loss(real.logits, fake.logits), **penalties}

    def phases(self) -> list[Phase]:
        phases = []
        if self.rules.r1:
            phases.append(Phase("critic", self.side("critic"), self._r1, every=R1_EVERY, repeat=self.rules.critic_repeats))
        if self.path_length:
            phases.append(Phase("generator", self.side("generator"), self._path_length, every=PATHS_EVERY))
        return phases

    def _r1(self, step: Step) -> dict[str, Tensor]:
        real = self.look(step.source.images, penalised=True)
        return {"critic/r1": R1_EVERY * self.rules.r1 * r1_penalty(real.logits[0], real.images)}

    def _path_length(self, step: Step) -> dict[str, Tensor]:
        """A step in w shall change the picture by the same amount everywhere; half as many pictures as in the batch will do."""
        n = math.ceil(len(step.source.images) / 2)
        code = torch.randn(n, self.code_size, device=self.device) if self.code_size else None  # only a code's direction counts
        styles = self._styles(Ask(code, n=n))
        drawn = self.synthesis(styles).float()
        noise = torch.randn_like(drawn) / self.size
        (slope,) = torch.autograd.grad((drawn * noise).sum(), styles, create_graph=True)  # (N, L, W)
        lengths = slope.float().square().sum(2).mean(1).sqrt()
        with torch.no_grad():
            self.mapping.path.lerp_(lengths.mean(), 0.01)
        return {"generator/path_length": PATHS_EVERY * self.path_length * (lengths - self.mapping.path).square().mean()}


def _unit(x: Tensor) -> Tensor:
    """Each row with a mean square of 1."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
