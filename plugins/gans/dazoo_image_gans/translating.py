"""What GANs have in common that translate both ways between two sets of pictures, each with a critic of its own."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Step
from dazoo.contracts import Verdict


class Translating(GAN):
    """Two generators, there and back, and two critics; a subclass makes them and plays.

    Attributes:
        forth, back: generators from source to target, and back.
        critic_target, critic_source: critics; those of the target answer as `Verdict`.
        batch: pictures of each domain that the networks see in a step.
        lr, weight_decay: of Adam (betas 0.5, 0.999).
    """

    takes = frozenset({"images"})
    own_game = True
    jobs = ("translate",)
    min_size = 16
    forth: nn.Module
    back: nn.Module
    critic_target: nn.Module
    critic_source: nn.Module
    batch: int
    lr: float
    weight_decay: float = 0.0

    def groups(self) -> Mapping[str, nn.Module]:
        return {
            "generator": self.forth,
            "generator_back": self.back,
            "critic": self.critic_target,
            "critic_source": self.critic_source,
        }

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        adam: OptimizerSettings = {"optimizer": "adam", "lr": self.lr, "betas": (0.5, 0.999), "weight_decay": self.weight_decay}
        return {name: adam for name in self.groups()}

    def generate(self, ask: Ask) -> Tensor:
        """Pictures of the source domain in the target's style.

        Raises:
            ValueError: no pictures to start from.
        """
        if ask.images is None:
            raise ValueError(f"{type(self).__name__} translates pictures; ask with images=.")
        made: Tensor = self.forth(ask.images)
        return made

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        """The verdict of the target's critic."""
        verdict: Verdict = self.critic_target(images)
        return verdict

    def translated(self, step: Step) -> Tensor:
        return step.once("translating/to_target", lambda: self.forth(step.source.images[: self.batch]))
