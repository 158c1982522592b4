"""Generate to adapt: a generator draws source pictures from the backbone's features; the critic's verdict shapes the backbone.

Sankaranarayanan, Balaji, Castillo and Chellappa, "Generate to adapt: aligning domains using generative adversarial
networks", CVPR 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import BACKBONE
from dazoo.contracts import BOTH
from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import Bridge
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.contracts import Verdict
from dazoo.errors import SettingsError
from dazoo.losses.adversarial import linear_start
from dazoo.losses.adversarial import warm_start
from dazoo.losses.entropy import self_training
from dazoo.losses.shares import BalancedLabels


RAMP = 0.1
"""Share of the run over which the weight of self-labelling rises."""


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
    """Code = [feature, one-hot label (or "target")] to a picture that must look like the source and show its class.

    Args:
        problem: the task.
        make_gan: builds the GAN for a code length: `make_gan(code_size=D)`.
        weight: weight of the generated pictures' class loss on the backbone (alpha in the paper).
        fool: weight of the realism of pictures drawn from target features, relative to `weight` (beta).
        share: share of each batch that is drawn from and judged, in (0, 1]; the rest still trains the backbone.
        guide: weight of self-labelling, which rises over a tenth of the run from `start` on: the teacher's confident,
            class-balanced labels train the backbone on a strong view. Where the critic's class head reads the same class in
            what is drawn from the target feature, half the confidence will do (after Russo et al., SBADA-GAN, CVPR 2018).
            0, the default, is the paper's generate-to-adapt. It gains on digits and costs on signs (docs/results.md).
        threshold: confidence that such a label needs.
        start: share of the run before self-labelling begins.
    """

    feeds = frozenset({"code"})
    defaults = {"ema": 0.99}

    def __init__(
        self,
        problem: Problem,
        make_gan: Callable[..., GAN],
        *,
        weight: float = 0.1,
        fool: float = 0.3,
        share: float = 0.5,
        guide: float = 0.0,
        threshold: float = 0.5,
        start: float = 0.3,
    ) -> None:
        if not 0 < share <= 1:
            raise SettingsError(f"bridge.share is {share}; expected a value in (0, 1].")
        k, c = problem.num_classes, problem.backbone.num_features
        self.k, self.weight, self.fool, self.share = k, weight, fool, share
        self.guide, self.threshold, self.start = guide, threshold, start
        self.pseudo_labels = BalancedLabels(k)
        self.gan = make_gan(code_size=c + k + 1)
        self.classes = nn.Linear(self.gan.num_critic_features, k)
        self.prototypes = Prototypes(k, c)

    def groups(self) -> Mapping[str, nn.Module]:
        return {
            **self.gan.groups(),
            "critic_classes": self.classes,
            "generator_prototypes": self.prototypes,
            "critic_pseudo_labels": self.pseudo_labels,
        }

    def phases(self) -> list[Phase]:
        critics, repeats = (*self.gan.side("critic"), "critic_classes"), self.gan.rules.critic_repeats
        return [
            Phase("critic", critics, self._critic, reads=BOTH, repeat=repeats),
            Phase("generator", self.gan.side("generator"), self._generator, reads=BOTH),
            *self.gan.phases(),
            Phase("task", BACKBONE, self._task, reads=BOTH | {"strong"} if self.guide else BOTH),
        ]

    def _ask(self, features: Tensor, labels: Tensor) -> Ask:
        """What is asked for: pictures of these features (N, C) and labels (N,), where K is the target's unknown class."""
        one_hot = F.one_hot(labels, self.k + 1).float()
        return Ask(torch.cat([F.normalize(features, dim=1) * features.shape[1] ** 0.5, one_hot], 1), labels)  # code (N, C + K + 1)

    def _labels(self, step: Step) -> Tensor:
        """Labels of the source pictures that the GAN looks at, (n,)."""
        return step.source.labels[: math.ceil(len(step.source.labels) * self.share)]

    def _real(self, step: Step, *, penalised: bool = False) -> Verdict:
        labels = self._labels(step)
        return self.gan.look(step.source.images[: len(labels)], labels, penalised=penalised)

    def _from_source(self, step: Step) -> Ask:
        labels = self._labels(step)
        return self._ask(step.source_outputs.features[: len(labels)], labels)

    def _from_target(self, step: Step) -> Ask:
        features = step.target_outputs.features
        features = features[: math.ceil(len(features) * self.share)]
        return self._ask(features, torch.full((len(features),), self.k, device=features.device))

    def _drawn(self, ask: Ask) -> Verdict:
        return self.gan.look(self.gan.generate(ask), ask.labels)

    def _compared(self, step: Step) -> Verdict | None:
        """The critic's verdict on real pictures, where the game's generator wants it."""
        if not self.gan.rules.compares:
            return None
        with torch.no_grad():
            return self._real(step)

    def _class_loss(self, verdict: Verdict, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.classes(verdict.features).float(), labels)

    def _critic(self, step: Step) -> dict[str, Tensor]:
        with torch.no_grad():
            asks = [self._from_source(step), self._from_target(step)]
            fakes = torch.cat([self.gan.generate(ask) for ask in asks])
            self.prototypes.update(step.source_outputs.features, step.source.labels)
        labels = self._labels(step)
        told = torch.cat([labels, torch.full((len(fakes) - len(labels),), self.k, device=labels.device)])
        real, fake = self._real(step, penalised=True), self.gan.look(fakes, told, penalised=True)
        return {**self.gan.critic_terms(real, fake), "critic/class": self._class_loss(real, labels)}

    def _generator(self, step: Step) -> dict[str, Tensor]:
        drawn = self._drawn(self._from_source(step))
        return {**self.gan.generator_terms(drawn, self._compared(step)), "generator/class": self._class_loss(drawn, self._labels(step))}

    def _task(self, step: Step) -> dict[str, Tensor]:
        rise = warm_start(step.progress)
        from_source, from_target = self._drawn(self._from_source(step)), self._drawn(self._from_target(step))
        fool = torch.stack(list(self.gan.generator_terms(from_target, self._compared(step)).values())).sum()
        terms = {
            "gta/class": rise * self.weight * self._class_loss(from_source, self._labels(step)),
            "gta/fool": rise * self.weight * self.fool * fool,
        }
        if self.guide:
            with torch.no_grad():
                opinion = step.opinion(step.target.images).softmax(1)  # (N, K)
                critic_says = self.classes(from_target.features)  # (n, K), n at most N
            labels, confident = self.pseudo_labels.choose(opinion, self.threshold, step.progress, second=critic_says)
            weight = self.guide * linear_start(step.progress, self.start, RAMP)
            terms["gta/guide"] = weight * self_training(step.strong_outputs.logits, labels, confident)
        return terms

    @torch.no_grad()
    def sample(self, n: int, *, labels: Tensor | None = None, images: Tensor | None = None) -> Tensor:
        """`n` pictures of the given classes, or of random ones, from the running class means of the features."""
        device = self.prototypes.means.device
        if labels is None:
            labels = torch.randint(self.k, (n,), device=device)
        return self.gan.generate(self._ask(self.prototypes.means[labels], labels)).float()
