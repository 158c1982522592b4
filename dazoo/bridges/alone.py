"""A GAN that plays by itself: the phases of its game on real pictures, without a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import Ask
from dazoo.contracts import Backbone
from dazoo.contracts import Bridge
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Step
from dazoo.contracts import Verdict


class Alone(Bridge):
    """The game of a GAN that has no classifier beside it.

    Real pictures are those of the source batch. A GAN with a game of its own plays that; one that translates finds the other domain in the
    target batch. It is no registered bridge: it helps nobody.
    """

    feeds = frozenset()

    def phases(self) -> list[Phase]:
        if self.gan.own_game:
            return list(self.gan.phases())
        return [
            Phase("critic", self.gan.side("critic"), self._critic, repeat=self.gan.rules.critic_repeats),
            Phase("generator", self.gan.side("generator"), self._generator),
            *self.gan.phases(),
        ]

    def _told(self, labels: Tensor) -> Tensor | None:
        """The labels, for a GAN that is told them."""
        return labels if "labels" in self.gan.takes else None

    def _real(self, step: Step, *, penalised: bool = False) -> Verdict:
        return self.gan.look(step.source.images, self._told(step.source.labels), penalised=penalised)

    def _drawn(self, step: Step) -> tuple[Tensor, Tensor | None]:
        """As many pictures as there are real ones, of the same classes where there are any, and those classes."""
        told = self._told(step.source.labels)
        return self.gan.generate(Ask(labels=told, n=len(step.source.labels))), told

    def _critic(self, step: Step) -> Mapping[str, Tensor]:
        with torch.no_grad():
            fakes, told = self._drawn(step)
        return self.gan.critic_terms(self._real(step, penalised=True), self.gan.look(fakes, told, penalised=True))

    def _generator(self, step: Step) -> Mapping[str, Tensor]:
        verdict = self.gan.look(*self._drawn(step))
        if not self.gan.rules.compares:
            return self.gan.generator_terms(verdict)
        with torch.no_grad():
            real = self._real(step)
        return self.gan.generator_terms(verdict, real)


class Nobody(Backbone):
    """In the place of a classifier where there is none: it has no parameters."""

    def __init__(self) -> None:
        super().__init__(num_classes=2)
        self.num_features = self.in_channels
        self.head = nn.Identity()

    def forward_features(self, x: Tensor) -> Tensor:
        return x


class Nothing(Method):
    """In the place of a method where nobody learns to classify: no phase."""

    adapts = False

    def phases(self) -> Sequence[Phase]:
        return ()
