"""The small GAN that a bridge is rehearsed with: dense layers that take a code, classes, pictures, or several of them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import Phase
from dazoo.contracts import Step
from dazoo.contracts import Verdict


WIDTH = 8


class TinyGAN(GAN):
    """A sum of what it is fed, drawn as a picture. One that takes pictures plays its own game: the source's shall look as the target's."""

    noise_size = 4
    num_critic_features = WIDTH

    def __init__(self, *, channels: int, size: int, num_classes: int, code_size: int = 0) -> None:
        super().__init__(channels=channels, size=size, num_classes=num_classes, code_size=code_size)
        pixels = channels * size**2
        self.own_game = "images" in self.takes
        inputs: dict[str, nn.Module] = {"noise": nn.Linear(self.noise_size, WIDTH)}
        if "code" in self.takes:
            inputs["code"] = nn.Linear(max(1, code_size), WIDTH)
        if "labels" in self.takes:
            inputs["labels"] = nn.Embedding(num_classes + 1, WIDTH)
        if "images" in self.takes:
            inputs["images"] = nn.Sequential(nn.Flatten(), nn.Linear(pixels, WIDTH))
        self.inputs = nn.ModuleDict(inputs)
        self.picture = nn.Sequential(nn.ReLU(), nn.Linear(WIDTH, pixels), nn.Tanh(), nn.Unflatten(1, (channels, size, size)))
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(pixels, WIDTH), nn.LeakyReLU(0.2))
        self.verdict = nn.Linear(WIDTH, 1)

    def groups(self) -> Mapping[str, nn.Module]:
        return {"generator": nn.ModuleList([self.inputs, self.picture]), "critic": nn.ModuleList([self.body, self.verdict])}

    def generate(self, ask: Ask) -> Tensor:
        given = {"code": ask.code, "labels": ask.labels, "images": ask.images, "noise": self.draw(len(ask), self.device)}
        read = [self.inputs[what](x) for what, x in given.items() if what in self.inputs and x is not None]
        drawn: Tensor = self.picture(torch.stack(read).sum(0))
        return drawn

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        features = self.body(images)
        return Verdict(images, (self.verdict(features).squeeze(1),), features)

    def phases(self) -> Sequence[Phase]:
        if not self.own_game:
            return ()
        return [Phase("critic", ("critic",), self._critic), Phase("generator", ("generator",), self._generator)]

    def _critic(self, step: Step) -> Mapping[str, Tensor]:
        with torch.no_grad():
            fakes = self.translated(step)
        return self.critic_terms(self.look(step.target.images, penalised=True), self.look(fakes, penalised=True))

    def _generator(self, step: Step) -> Mapping[str, Tensor]:
        return self.generator_terms(self.look(self.translated(step)))


def gan_that_takes(feeds: frozenset[str]) -> type[GAN]:
    """A small GAN for a bridge that feeds these."""
    return type("TinyGAN", (TinyGAN,), {"takes": frozenset(feeds)})
