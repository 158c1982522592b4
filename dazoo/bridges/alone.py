"""A GAN that plays by itself: the phases of its game on real pictures, without a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

from torch import Tensor
from torch import nn

from dazoo.contracts import Backbone
from dazoo.contracts import Bridge
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Step


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

    def _real(self, step: Step) -> tuple[Tensor, Tensor | None]:
        """The real pictures, and their labels for a GAN that is told them."""
        return step.source.images, step.source.labels if "labels" in self.gan.takes else None

    def _critic(self, step: Step) -> Mapping[str, Tensor]:
        return self.gan.play_critic(*self._real(step))

    def _generator(self, step: Step) -> Mapping[str, Tensor]:
        return self.gan.play_generator(*self._real(step))


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
