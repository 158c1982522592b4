"""Generate to adapt: a generator draws source pictures from the backbone's features; the critic's verdict shapes the backbone.

Sankaranarayanan, Balaji, Castillo and Chellappa, "Generate to adapt: aligning domains using generative adversarial
networks", CVPR 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import GAN
from dazoo.contracts import Bridge
from dazoo.contracts import CriticOutput
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.contracts.component import BACKBONE
from dazoo.errors import SettingsError
from dazoo.losses.adversarial import linear_start
from dazoo.losses.adversarial import warm_start
from dazoo.losses.entropy import self_training
from dazoo.losses.shares import BalancedLabels


BOTH = frozenset({"source", "target"})


class Prototypes(nn.Module):
    """Running mean of the code's feature for each class, (K, C): what `sample` starts from when it is given no picture."""

    means: Tensor

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.register_buffer("means", torch.zeros(classes, features))

    @torch.no_grad()
    def update(self, features: Tensor, labels: Tensor) -> None:
        one_hot = F.one_hot(labels, len(self.means)).to(features.dtype)  # (N, K)
        counts = one_hot.sum(0)
        mean = one_hot.t() @ features / counts.clamp_min(1)[:, None]  # (K, C)
        self.means.lerp_(mean, (0.05 * (counts > 0))[:, None].to(mean.dtype))


class GenerateToAdapt(Bridge):
    """Code = [feature, one-hot label (or "target"), noise] to a picture that must look like the source and show its class.

    Args:
        problem: the task.
        make_gan: builds the GAN for a code length: `make_gan(code_size=D)`.
        noise: length of the noise.
        weight: weight of the generated pictures' class loss on the backbone (alpha in the paper).
        fool: weight of the realism of pictures drawn from target features, relative to `weight` (beta).
        share: share of each batch that is drawn from and judged, in (0, 1]; the rest still trains the backbone.
        guide: weight of self-labelling, reached at progress `start` + `ramp`: the teacher's confident, class-balanced labels
            train the backbone on a strong view. Where the critic's class head reads the same class in what is drawn from
            the target feature, half the confidence will do (after Russo et al., SBADA-GAN, CVPR 2018). 0 is the paper's
            generate-to-adapt.
        threshold: confidence that such a label needs.
        start, ramp: shares of the run before self-labelling begins, and over which its weight rises.
    """

    defaults = {"ema": 0.99}

    def __init__(
        self,
        problem: Problem,
        make_gan: Callable[..., GAN],
        *,
        noise: int = 64,
        weight: float = 0.1,
        fool: float = 0.3,
        share: float = 0.5,
        guide: float = 1.0,
        threshold: float = 0.5,
        start: float = 0.3,
        ramp: float = 0.1,
    ) -> None:
        if not 0 < share <= 1:
            raise SettingsError(f"bridge.share is {share}; expected a value in (0, 1].")
        k, c = problem.num_classes, problem.backbone.num_features
        self.share, self.start, self.ramp = share, start, ramp
        self.k, self.noise, self.weight, self.fool, self.guide, self.threshold = k, noise, weight, fool, guide, threshold
        self.pseudo_labels = BalancedLabels(k)
        self.gan = make_gan(code_size=c + k + 1 + noise)
        self.classes = nn.Linear(self.gan.num_critic_features, k)
        self.prototypes = Prototypes(k, c)

    def parts(self) -> Mapping[str, nn.Module]:
        return {
            **self.gan.parts(),
            "critic_classes": self.classes,
            "generator_prototypes": self.prototypes,
            "critic_pseudo_labels": self.pseudo_labels,
        }

    def optimizers(self) -> Mapping[str, Mapping[str, Any]]:
        return self.gan.optimizers()

    def phases(self) -> list[Phase]:
        generators = tuple(name for name in self.gan.parts() if name.startswith("generator"))
        critics = tuple(name for name in self.gan.parts() if name.startswith("critic"))
        return [
            Phase("critic", (*critics, "critic_classes"), self._critic, reads=BOTH),
            Phase("generator", generators, self._generator, reads=BOTH),
            *self.gan.phases(),
            Phase("task", BACKBONE, self._task, reads=BOTH | {"strong"} if self.guide else BOTH),
        ]

    # Each loss sees the same two fakes; the step keeps them for the length of a phase.

    def _code(self, features: Tensor, one_hot: Tensor) -> Tensor:
        noise = torch.randn(len(features), self.noise, device=features.device)
        return torch.cat([F.normalize(features, dim=1) * features.shape[1] ** 0.5, one_hot, noise], 1)  # (N, C + K + 1 + noise)

    def _labels(self, step: Step) -> Tensor:
        """Labels of the source pictures that the GAN looks at, (n,)."""
        return step.source.labels[: math.ceil(len(step.source.labels) * self.share)]

    def _from_source(self, step: Step) -> Tensor:
        labels = self._labels(step)
        return self.gan.generate(self._code(step.source_outputs.features[: len(labels)], F.one_hot(labels, self.k + 1).float()))

    def _from_target(self, step: Step) -> Tensor:
        features = step.target_outputs.features
        features = features[: math.ceil(len(features) * self.share)]
        unknown = torch.full((len(features),), self.k, device=features.device)
        return self.gan.generate(self._code(features, F.one_hot(unknown, self.k + 1).float()))

    def _classify(self, seen: CriticOutput, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.classes(seen.features).float(), labels)

    def _critic(self, step: Step) -> dict[str, Tensor]:
        with torch.no_grad():
            fakes = torch.cat([self._from_source(step), self._from_target(step)])
            self.prototypes.update(step.source_outputs.features, step.source.labels)
        labels = self._labels(step)
        real, fake = self.gan.judge(step.source.images[: len(labels)]), self.gan.judge(fakes)
        return {**self.gan.critic_terms(real, fake), "critic/class": self._classify(real, labels)}

    def _generator(self, step: Step) -> dict[str, Tensor]:
        seen = self.gan.judge(self._from_source(step))
        return {**self.gan.generator_terms(seen), "generator/class": self._classify(seen, self._labels(step))}

    def _task(self, step: Step) -> dict[str, Tensor]:
        rise = warm_start(step.progress)
        seen, drawn = self.gan.judge(self._from_source(step)), self.gan.judge(self._from_target(step))
        fool = sum(self.gan.generator_terms(drawn).values())
        terms = {
            "gta/class": rise * self.weight * self._classify(seen, self._labels(step)),
            "gta/fool": rise * self.weight * self.fool * fool,
        }
        if self.guide:
            with torch.no_grad():
                opinion = (step.teacher or step.backbone)(step.target.images).float().softmax(1)  # (N, K)
                read = self.classes(drawn.features)  # (n, K), n at most N
            labels, sure = self.pseudo_labels.choose(opinion, self.threshold, step.progress, second=read)
            weight = self.guide * linear_start(step.progress, self.start, self.ramp)
            terms["gta/guide"] = weight * self_training(step.strong_outputs.logits, labels, sure)
        return terms

    @torch.no_grad()
    def sample(self, n: int, *, labels: Tensor | None = None, images: Tensor | None = None) -> Tensor:
        """`n` pictures of the given classes, or of random ones, from the running class means of the features."""
        device = self.prototypes.means.device
        if labels is None:
            labels = torch.randint(self.k, (n,), device=device)
        one_hot = F.one_hot(labels, self.k + 1).float()
        return self.gan.generate(self._code(self.prototypes.means[labels], one_hot)).float()
