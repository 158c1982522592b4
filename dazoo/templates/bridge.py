"""A bridge: how a GAN helps a classifier. This one lets the GAN draw the source by class and learns from what it draws."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import Bridge
from dazoo.contracts import Labelled
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.contracts import Verdict


class MyThing(Bridge):
    """The GAN is given the class as its code. Drawn pictures join the source batch later in the run.

    Args:
        start: share of the run before that; `--set bridge.start=0.3`.
        drawn: pictures that join a batch.
    """

    feeds = frozenset({"code"})  # fits every GAN that takes this

    def __init__(self, problem: Problem, make_gan: Callable[..., GAN], *, start: float = 0.5, drawn: int = 4) -> None:
        self.k, self.start, self.drawn = problem.num_classes, start, drawn
        self.gan = make_gan(code_size=self.k)

    def phases(self) -> list[Phase]:
        critics, generators = self.gan.side("critic"), self.gan.side("generator")
        repeat = self.gan.rules.critic_repeats
        return [Phase("critic", critics, self._critic, repeat=repeat), Phase("generator", generators, self._generator)]

    def _draw(self, labels: Tensor) -> Tensor:
        return self.gan.generate(Ask(code=F.one_hot(labels, self.k).float()))

    def _real(self, step: Step, penalised: bool = False) -> Verdict:
        return self.gan.look(step.source.images, step.source.labels, penalised=penalised)  # never judge(): look() augments

    def _critic(self, step: Step) -> dict[str, Tensor]:
        fakes = self._draw(step.source.labels).detach()
        return dict(self.gan.critic_terms(self._real(step, True), self.gan.look(fakes, step.source.labels, penalised=True)))

    def _generator(self, step: Step) -> dict[str, Tensor]:
        fakes = self.gan.look(self._draw(step.source.labels), step.source.labels)
        return dict(self.gan.generator_terms(fakes, self._real(step) if self.gan.rules.compares else None))

    def extend(self, step: Step) -> Labelled:
        if step.progress < self.start:
            return step.source
        labels = torch.randint(self.k, (self.drawn,), device=step.source.labels.device)
        images = self._draw(labels).float()
        return Labelled(torch.cat([step.source.images, images]), torch.cat([step.source.labels, labels]))

    @torch.no_grad()
    def sample(self, n: int, *, labels: Tensor | None = None, images: Tensor | None = None) -> Tensor:
        return self._draw(torch.arange(n, device=self.gan.device) % self.k if labels is None else labels).float()
