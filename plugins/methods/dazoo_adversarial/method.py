"""Adversarial alignment of features in one update with a reversed gradient."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import Method
from dazoo.contracts import Outputs
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.contracts.component import BACKBONE
from dazoo.losses.adversarial import RandomizedMap
from dazoo.losses.adversarial import conditional_map
from dazoo.losses.adversarial import domain_adversarial
from dazoo.losses.adversarial import entropy_weights
from dazoo.losses.adversarial import reverse_gradient
from dazoo.losses.adversarial import warm_start
from dazoo.losses.shares import RunningShares


class DANN(Method):
    """Domain-adversarial training of neural networks. Ganin et al., JMLR 2016.

    A critic learns to tell source features from target features; its gradient, reversed, teaches the body to confuse it.

    Args:
        weight: weight of the domain loss in the critic's update.
        reversal: largest factor of the reversed gradient; it rises as 2 / (1 + exp(-10 progress)) - 1.
        hidden: width of the critic's two hidden layers.
        match_prior: weigh source samples by the target's estimated class share, so that aligning the features does not
            align the label shares of two domains that differ in them (Tachet des Combes et al., NeurIPS 2020).
    """

    def __init__(
        self, problem: Problem, *, weight: float = 1.0, reversal: float = 1.0, hidden: int = 256, match_prior: bool = True
    ) -> None:
        super().__init__(problem)
        self.weight, self.reversal, self.match_prior = weight, reversal, match_prior
        self.critic = _critic(self.critic_inputs(), hidden)
        self.shares = RunningShares(problem.num_classes)

    def critic_inputs(self) -> int:
        """Length of what the critic sees."""
        return self.problem.backbone.num_features

    def critic_view(self, outputs: Outputs) -> Tensor:
        """What the critic sees of one domain, (N, critic_inputs)."""
        return outputs.features

    def sample_weights(self, outputs: Outputs) -> Tensor | None:
        """Weights of the domain loss, (N,), or None for equal ones."""
        return None

    def parts(self) -> Mapping[str, nn.Module]:
        return {"critic_domain": self.critic, "critic_shares": self.shares}

    def phases(self) -> list[Phase]:
        return [Phase("task", (*BACKBONE, "critic_domain"), self._loss, reads=frozenset({"source", "target"}))]

    def _loss(self, step: Step) -> dict[str, Tensor]:
        scale = self.reversal * warm_start(step.progress)
        s, t = step.source_outputs, step.target_outputs
        views = torch.cat([self.critic_view(s), self.critic_view(t)])  # (Ns + Nt, critic_inputs)
        logits = self.critic(reverse_gradient(views, scale)).squeeze(1).float()
        weights_s, weights_t = self.sample_weights(s), self.sample_weights(t)
        if self.match_prior:
            self.shares.update(t.logits.softmax(1).detach())
            prior = self.shares.importance(step.source.labels)
            weights_s = prior if weights_s is None else weights_s * prior
        n = len(s.logits)
        domain = domain_adversarial(logits[:n], logits[n:], weights_s, weights_t)
        return {"task": self.task_loss(step), "domain": self.weight * domain}


class CDAN(DANN):
    """Conditional adversarial domain adaptation with entropy weights (CDAN+E). Long et al., NeurIPS 2018.

    The critic sees the outer product of feature and class probabilities, or a random projection of it above 4096 entries,
    and samples with certain predictions count more.

    Args:
        entropy: weigh samples by 1 + exp(-entropy).
        settings: those of DANN.
    """

    def __init__(self, problem: Problem, *, entropy: bool = True, **settings) -> None:
        c, k = problem.backbone.num_features, problem.num_classes
        self.map = RandomizedMap(c, k, 1024) if c * k > 4096 else None
        self.inputs = 1024 if self.map else c * k
        self.entropy = entropy
        super().__init__(problem, **settings)

    def critic_inputs(self) -> int:
        return self.inputs

    def critic_view(self, outputs: Outputs) -> Tensor:
        p = outputs.logits.softmax(1).detach()
        return self.map(outputs.features, p) if self.map else conditional_map(outputs.features, p)

    def sample_weights(self, outputs: Outputs) -> Tensor | None:
        return entropy_weights(outputs.logits.softmax(1)).detach() if self.entropy else None

    def parts(self) -> Mapping[str, nn.Module]:
        return {**super().parts(), **({"critic_map": self.map} if self.map else {})}


def _critic(inputs: int, hidden: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Linear(hidden, 1),
    )
