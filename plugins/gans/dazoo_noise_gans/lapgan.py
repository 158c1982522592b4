"""LAPGAN. Denton et al., "Deep generative image models using a Laplacian pyramid of adversarial networks", NeurIPS 2015."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from functools import partial
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
from dazoo.losses.game import Rules
from dazoo_noise_gans.layers import adam
from dazoo_noise_gans.layers import known


COARSEST = 8
"""Most pixels a side of the coarsest level, as in the paper."""
DENSE = 600
"""Width of the coarsest critic."""


def sides(size: int) -> list[int]:
    """Sides of the levels, the finest first: 28, 14, 7."""
    found = [size]
    while found[-1] > COARSEST:
        found.append(-(-found[-1] // 2))
    return found


def enlarge(x: Tensor, side: int) -> Tensor:
    """l: a coarser level (N, C, s, s), as the next finer one starts from it."""
    return F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)


class Dense(nn.Module):
    """The coarsest generator: code, noise and one-hot class (N, D) to picture (N, C, s, s), two hidden layers of 1200 ReLU.

    Batch norm is not the paper's. Without it the noise fades from layer to layer, and all pictures of a class are the same.
    """

    def __init__(self, code_size: int, channels: int, side: int) -> None:
        super().__init__()
        hidden = (layer for c in (code_size, 1200) for layer in (nn.Linear(c, 1200), nn.BatchNorm1d(1200), nn.ReLU()))
        self.layers = nn.Sequential(*hidden, nn.Linear(1200, channels * side**2), nn.Tanh(), nn.Unflatten(1, (channels, side, side)))

    def forward(self, code: Tensor) -> Tensor:
        return self.layers(code)


class Details(nn.Module):
    """A finer generator: planes (N, C + 1 (+ 1), s, s) of l, noise (and class) to what l lacks, h (N, C, s, s): three convolutions."""

    def __init__(self, planes: int, channels: int, width: int, kernels: Sequence[int]) -> None:
        super().__init__()
        a, b, c = (
            nn.Conv2d(i, o, k, padding=k // 2) for i, o, k in zip((planes, width, width), (width, width, channels), kernels, strict=True)
        )
        self.layers = nn.Sequential(a, nn.ReLU(), b, nn.ReLU(), c)

    def forward(self, planes: Tensor) -> Tensor:
        return self.layers(planes)


class Critic(nn.Module):
    """Planes (N, C (+ 1), s, s) of l + h (and class) to logit (N,) and features (N, F): two convolutions and dropout, or dense layers."""

    def __init__(self, planes: int, side: int, width: int, *, dense: bool) -> None:
        super().__init__()
        self.num_features = DENSE if dense else width
        body: tuple[nn.Module, ...]
        if dense:
            body = (
                nn.Flatten(),
                nn.Linear(planes * side**2, DENSE),
                nn.LeakyReLU(0.2),
                nn.Dropout(),
                nn.Linear(DENSE, DENSE),
                nn.LeakyReLU(0.2),
            )
            left = 1
        else:
            body = (nn.Conv2d(planes, width, 5, padding=2), nn.LeakyReLU(0.2), nn.Conv2d(width, width, 5, 2, 2), nn.LeakyReLU(0.2))
            left = -(-side // 2)
        self.layers, self.drop = nn.Sequential(*body), nn.Dropout()
        self.last = nn.Linear(self.num_features * left**2, 1)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        f = self.layers(planes)  # (N, F) or (N, F, h, w)
        return self.last(self.drop(f.flatten(1))).squeeze(1), f.flatten(2).mean(2) if f.ndim == 4 else f


class LAPGAN(GAN):
    """A small picture from noise, and at each finer level the details that the enlarged picture lacks.

    Alone, each level plays a game of its own on the pyramids of real pictures (`own_game`): generator k is given a real enlarged level
    l_k and noise, critic k sees l_k + h_k. The paper trains each level for as long as it needs; here the coarsest, which must learn from
    noise alone what a picture shows and costs least, has several updates in each step. Beside a classifier the coarsest level takes the
    code, the whole chain draws, and all critics judge the levels of the picture's own pyramid.

    Args:
        conditional: tell all levels the class, as a plane (the coarsest generator: as a one-hot vector). Class K is "unknown".
        width: channels of the convolutions (64 and 128 in the paper).
        noise: length of the coarsest level's noise; each finer level has a plane of it.
        coarse_repeats: updates of the coarsest level in each step, where the GAN is trained alone.
        lr: Adam's rate for the generators (betas 0.5, 0.999); the critics' is twice that.
        contract: arguments of the contract, and settings of the game.
    """

    takes = frozenset({"code"})
    rules = Rules(ema=0.999)

    def __init__(
        self, *, conditional: bool = False, width: int = 32, noise: int = 100, coarse_repeats: int = 4, lr: float = 2e-4, **contract: Any
    ) -> None:
        super().__init__(**contract)
        if coarse_repeats < 1:
            raise SettingsError(f"gan.coarse_repeats is {coarse_repeats}; the coarsest level needs 1 update or more in each step.")
        self.own_game, self.lr, self.coarse_noise, self.coarse_repeats = not self.code_size, lr, noise, coarse_repeats
        self.takes = self.takes_with({"conditional": conditional})
        self.classes = self.num_classes + 1 if conditional else 0
        self.sides = sides(self.size)
        self.coarsest = len(self.sides) - 1
        self.noise_size = noise + sum(side**2 for side in self.sides[:-1])
        c, extra = self.channels, int(conditional)
        self.generators, self.critics = nn.ModuleList(), nn.ModuleList()
        for side in self.sides[:-1]:
            self.generators.append(Details(c + 1 + extra, c, width, (7, 7, 5) if side > 14 else (5, 5, 5)))
            self.critics.append(Critic(c + extra, side, width, dense=False))
        self.generators.append(Dense(self.code_size + noise + self.classes, c, self.sides[-1]))
        self.critics.append(Critic(c + extra, self.sides[-1], width, dense=True))
        self.planes = nn.ModuleDict()
        if conditional:  # one linear layer from the class to a plane, for each level of either side
            self.planes["generator"] = nn.ModuleList(nn.Embedding(self.classes, side**2) for side in self.sides[:-1])
            self.planes["critic"] = nn.ModuleList(nn.Embedding(self.classes, side**2) for side in self.sides)
        self.num_critic_features = width if len(self.sides) > 1 else DENSE

    @classmethod
    def takes_with(cls, arguments: Mapping[str, Any]) -> frozenset[str]:
        return cls.takes | {"labels"} if arguments.get("conditional") else cls.takes

    def groups(self) -> Mapping[str, nn.Module]:
        return {
            "generator": self.generators,
            "critic": self.critics,
            **{f"{side}_planes": planes for side, planes in self.planes.items()},
        }

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        return {name: adam(self.lr if name.startswith("generator") else 2 * self.lr, (0.5, 0.999)) for name in self.groups()}

    def draw(self, n: int, device: torch.device) -> Tensor:
        """Noise of all levels (n, noise_size), uniform in [-1, 1]: the coarsest level's, then a plane for each other, the finest first."""
        return torch.rand(n, self.noise_size, device=device) * 2 - 1

    def between(self, a: Tensor, b: Tensor, share: Tensor | float) -> Tensor:
        """The straight way: uniform noise lies in a cube."""
        return torch.lerp(a, b, torch.as_tensor(share, dtype=a.dtype, device=a.device))

    def pyramid(self, images: Tensor) -> list[Tensor]:
        """Levels of pictures (N, C, size, size), the finest first; each is the mean of what it covers."""
        levels = [images]
        for side in self.sides[1:]:
            levels.append(F.interpolate(levels[-1], size=(side, side), mode="area"))
        return levels

    def _drawn(self, levels: Sequence[int], below: Sequence[Tensor] | None, ask: Ask) -> list[Tensor]:
        """These levels, as their generators draw them: from the level below in `below`, or else from the one that was just drawn.

        Args:
            levels: which, the finest first; 0 is the picture.
            below: all levels of real pictures (N, C, s, s). None draws the whole chain, so `levels` must go down to the coarsest.
            ask: code and labels; its length is N.
        """
        n = len(ask)
        noise, *planes = self.draw(n, self.device).split([self.coarse_noise, *(side**2 for side in self.sides[:-1])], 1)
        labels = known(ask.labels, n, self.num_classes, self.device)
        drawn: list[Tensor] = []
        for k in reversed(levels):
            if k == self.coarsest:
                parts = [noise] if ask.code is None else [ask.code, noise]
                told = [F.one_hot(labels, self.classes).to(noise.dtype)] if self.classes else []
                drawn.insert(0, self.generators[k](torch.cat([*parts, *told], 1)))
                continue
            side = self.sides[k]
            l_k = enlarge(drawn[0] if below is None else below[k + 1], side)
            shown = [l_k, planes[k].view(n, 1, side, side).to(l_k.dtype), *self._plane("generator", k, labels)]
            drawn.insert(0, l_k + self.generators[k](torch.cat(shown, 1)))
        return drawn

    def _plane(self, side: str, level: int, labels: Tensor) -> list[Tensor]:
        if not self.classes:
            return []
        return [self.planes[side][level](labels).view(-1, 1, self.sides[level], self.sides[level])]  # type: ignore[index]

    def generate(self, ask: Ask) -> Tensor:
        return self._drawn(range(len(self.sides)), None, ask)[0].clamp(-1, 1)

    def _verdict(self, level: int, x: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """The logits (N,) and features of a level's critic on that level (N, C, s, s)."""
        told = known(labels, len(x), self.num_classes, x.device)
        return self.critics[level](torch.cat([x, *self._plane("critic", level, told)], 1))

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        verdicts = [self._verdict(k, x, labels) for k, x in enumerate(self.pyramid(images))]
        return Verdict(images, tuple(logits for logits, _ in verdicts), verdicts[0][1], labels)

    def phases(self) -> list[Phase]:
        """Alone, the finer levels learn side by side, then the coarsest, which learns in `coarse_repeats` times as many updates."""
        if not self.own_game:
            return []
        phases = []
        for name, levels, times in (("", range(self.coarsest), 1), ("coarsest_", [self.coarsest], self.coarse_repeats)):
            if levels:
                critic, generator = partial(self._critic_alone, levels=levels), partial(self._generator_alone, levels=levels)
                phases += [
                    Phase(f"{name}critic", self.side("critic"), critic, repeat=times * self.rules.critic_repeats),
                    Phase(f"{name}generator", self.side("generator"), generator, repeat=times),
                ]
        return phases

    def _levels(self, step: Step, levels: Sequence[int]) -> tuple[list[Tensor], list[Tensor], Tensor | None]:
        """Real levels, and what each generator draws from the real level below it; the classes, where they are told."""
        labels = step.source.labels if self.classes else None
        real = self.pyramid(step.source.images)
        return [real[k] for k in levels], self._drawn(levels, real, Ask(labels=labels, n=len(real[0]))), labels

    def _seen(self, levels: Sequence[int], pictures: Sequence[Tensor], labels: Tensor | None) -> list[Tensor]:
        return [self._verdict(k, self.rules.shown(x), labels)[0] for k, x in zip(levels, pictures, strict=True)]

    def _critic_alone(self, step: Step, levels: Sequence[int]) -> dict[str, Tensor]:
        with torch.no_grad():
            real, fake, labels = self._levels(step, levels)
        if self.rules.penalises:
            real, fake = ([x.detach().requires_grad_() for x in pictures] for pictures in (real, fake))
        on_real, on_fake = self._seen(levels, real, labels), self._seen(levels, fake, labels)
        terms = {"critic/adversarial": self.rules.critic_loss(on_real, on_fake)}
        for i, k in enumerate(levels):  # each level has its own penalty, at its own pictures
            judge = partial(self._judge_one, k, labels)
            for name, value in self.rules.penalties((real[i], on_real[i : i + 1]), (fake[i], on_fake[i : i + 1]), judge).items():
                terms[name] = terms[name] + value if name in terms else value
        return self._named(terms, levels)

    def _judge_one(self, level: int, labels: Tensor | None, x: Tensor) -> list[Tensor]:
        return self._seen([level], [x], labels)

    def _generator_alone(self, step: Step, levels: Sequence[int]) -> dict[str, Tensor]:
        real, fake, labels = self._levels(step, levels)
        with torch.no_grad():
            compared = self._seen(levels, real, labels) if self.rules.compares else None
        return self._named({"generator/adversarial": self.rules.generator_loss(self._seen(levels, fake, labels), compared)}, levels)

    def _named(self, terms: Mapping[str, Tensor], levels: Sequence[int]) -> dict[str, Tensor]:
        """The coarsest level's terms by names of their own: "critic/adversarial/coarsest"."""
        return {f"{name}/coarsest" if self.coarsest in levels else name: value for name, value in terms.items()}
