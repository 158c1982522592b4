"""Synthesize: a label-conditional GAN draws labelled pictures of the target, and the classifier learns from them too.

Odena, Olah and Shlens (AC-GAN), ICML 2017, for class-conditional samples; Hu et al., "Duplex generative adversarial network for
unsupervised domain adaptation", CVPR 2018, for learning from labelled pictures drawn in the target's style.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import Bridge
from dazoo.contracts import Labelled
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.errors import SettingsError
from dazoo.losses.adversarial import linear_start
from dazoo.losses.shares import BalancedLabels


class Synthesize(Bridge):
    """The GAN learns pictures of both domains by class, with the source's labels and confident pseudo-labels of the target.

    Classes 0 to K - 1 are asked for by their number. Later in the run, pictures drawn for random classes join the source batch with the
    labels that they were asked for.

    Args:
        problem: the task.
        make_gan: builds the GAN.
        start: share of the run before drawn pictures are trained on.
        share: drawn pictures over those of the source batch, in (0, 1].
        threshold: confidence that a target picture's pseudo-label needs for the critic to be shown it.
    """

    feeds = frozenset({"labels"})
    defaults = {"ema": 0.99}

    def __init__(
        self, problem: Problem, make_gan: Callable[..., GAN], *, start: float = 0.5, share: float = 0.25, threshold: float = 0.8
    ) -> None:
        if not 0 < share <= 1:
            raise SettingsError(f"bridge.share is {share}; expected a value in (0, 1].")
        super().__init__(problem, make_gan)
        self.k, self.start, self.share, self.threshold = problem.num_classes, start, share, threshold
        self.pseudo_labels = BalancedLabels(self.k)

    def groups(self) -> Mapping[str, nn.Module]:
        return {**self.gan.groups(), "critic_pseudo_labels": self.pseudo_labels}

    def phases(self) -> list[Phase]:
        return [
            Phase("critic", self.gan.side("critic"), self._critic, repeat=self.gan.rules.critic_repeats),
            Phase("generator", self.gan.side("generator"), self._generator),
            *self.gan.phases(),
        ]

    def _shown(self, step: Step) -> tuple[Tensor, Tensor]:
        """What the critic is shown: the source batch, and the target pictures whose class is known well enough, with their classes.

        The number of pictures is the same in every step, so a target picture that is not sure enough is replaced by one of the source.
        """
        images, labels = step.source.images, step.source.labels
        guessed, sure = step.once("synthesize/labels", lambda: self._guess(step))
        n = min(len(images), len(guessed))
        keep = sure[:n].bool()
        told = torch.where(keep, guessed[:n], labels[:n])
        shown = torch.where(keep[:, None, None, None], step.target.images[:n], images[:n])
        return torch.cat([images, shown]), torch.cat([labels, told])

    def _guess(self, step: Step) -> tuple[Tensor, Tensor]:
        probabilities = step.opinion(step.target.images).softmax(1)
        labels, sure = self.pseudo_labels.choose(probabilities, self.threshold, step.progress)
        return labels, sure * linear_start(step.progress, 0.3, 0.0)  # before that, the classifier has no opinion worth keeping

    def _critic(self, step: Step) -> Mapping[str, Tensor]:
        return self.gan.play_critic(*self._shown(step))

    def _generator(self, step: Step) -> Mapping[str, Tensor]:
        return self.gan.play_generator(step.source.images, step.source.labels)

    def extend(self, step: Step) -> Labelled:
        if step.progress < self.start:
            return step.source
        n = max(1, int(len(step.source.labels) * self.share))
        labels = torch.randint(self.k, (n,), device=step.source.labels.device)
        drawn = self.gan.generate(Ask(labels=labels)).float()
        return Labelled(torch.cat([step.source.images, drawn]), torch.cat([step.source.labels, labels]))

    @torch.no_grad()
    def sample(self, n: int, *, labels: Tensor | None = None, images: Tensor | None = None) -> Tensor:
        """`n` pictures of the given classes, or of random ones."""
        if labels is None:
            device = next(p.device for module in self.gan.groups().values() for p in module.parameters())
            labels = torch.randint(self.k, (n,), device=device)
        return self.gan.generate(Ask(labels=labels)).float()
