"""Translate: labelled source pictures are re-drawn in the target's style and trained on.

A GAN that restores takes part as one that translates does: it has learnt on the target to give back what `GAN.start` takes from
pictures, and what it gives back to a source picture (detail, colour, a part) is the target's.

Hoffman et al., "CyCADA: cycle-consistent adversarial domain adaptation", ICML 2018 (semantic consistency); Bousmalis et
al. (PixelDA), CVPR 2017 (the classifier learns originals and translations).
"""

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
from dazoo.errors import SettingsError


class Translate(Bridge):
    """Adds translations of a share of the source batch to the source batch, once the generator has had time to learn.

    The GAN's game is its own (`GAN.phases`); the bridge adds the classifier's view to the phase "generator".

    Args:
        problem: the task.
        make_gan: builds the GAN.
        semantic: weight of the classifier's cross-entropy on translated pictures in the generator's update.
        start: share of the run before translations are trained on.
        share: share of the source batch that is translated and added, in (0, 1].
    """

    feeds = frozenset({"images"})

    def __init__(
        self, problem: Problem, make_gan: Callable[..., GAN], *, semantic: float = 1.0, start: float = 0.3, share: float = 0.5
    ) -> None:
        if not 0 < share <= 1:
            raise SettingsError(f"bridge.share is {share}; expected a value in (0, 1].")
        super().__init__(problem, make_gan)
        self.semantic, self.start, self.share = semantic, start, share

    def phases(self) -> list[Phase]:
        return [*self.gan.phases(), Phase("generator", self.gan.side("generator"), self._consistency)]

    def _consistency(self, step: Step) -> dict[str, Tensor]:
        """The classifier, frozen here, must read in the translation what the original shows."""
        logits = step.read(self.gan.translated(step)).logits
        rise = min(1.0, step.progress / max(self.start, 1e-6))  # an untrained classifier has no opinion worth keeping
        labels = step.source.labels[: len(logits)]  # a GAN may look at a part of the batch
        return {"generator/semantic": self.semantic * rise * F.cross_entropy(logits, labels)}

    def extend(self, step: Step) -> Labelled:
        if step.progress < self.start:
            return step.source
        n = max(1, int(len(step.source.labels) * self.share))
        translated = self.gan.generate(Ask(images=self.gan.start(step.source.images[:n]))).float()
        return Labelled(torch.cat([step.source.images, translated]), torch.cat([step.source.labels, step.source.labels[:n]]))

    @torch.no_grad()
    def sample(self, n: int, *, labels: Tensor | None = None, images: Tensor | None = None) -> Tensor:
        """`n` translations of `images` (M, C, H, W) of the source domain, taken in turn; a GAN that restores is given what `start` leaves.

        Raises:
            SettingsError: no images; an image-to-image GAN has nothing to start from.
        """
        if images is None:
            raise SettingsError("This GAN translates pictures: give some of the source domain, as in generate(n, images=...).")
        rows = torch.arange(n, device=images.device) % len(images)
        return self.gan.generate(Ask(images=self.gan.start(images[rows]))).float()
