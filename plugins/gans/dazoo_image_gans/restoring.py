"""What GANs have in common that give back what is missing: they learn on the target, and are given the source's pictures to restore."""

from __future__ import annotations

from torch import Tensor

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import Step


class Restoring(GAN):
    """`start` takes something from pictures, `generate` gives it back, and the game is played on the target's pictures.

    Beside a classifier the bridge "translate" has the generator restore degraded pictures of the source, which so come in the target's
    style.

    Attributes:
        batch: pictures that the networks see in a step.
    """

    takes = frozenset({"images"})
    own_game = True
    min_size = 16
    batch: int

    def learnt(self, step: Step) -> Tensor:
        """The pictures that the game of a step is played with, (n, C, size, size)."""
        return step.target.images[: self.batch]

    def translated(self, step: Step) -> Tensor:
        return self.generate(Ask(images=self.start(step.source.images[: self.batch])))

    def given(self, ask: Ask) -> Tensor:
        """The pictures of an ask, as `start` makes them.

        Raises:
            ValueError: none.
        """
        if ask.images is None:
            raise ValueError(f"{type(self).__name__} restores pictures; ask with images=.")
        return ask.images
