"""Adversarial alignment of features in one update with a reversed gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import BACKBONE
from dazoo.contracts import BOTH
from dazoo.contracts import Method
from dazoo.contracts import Outputs
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.losses.adversarial import MultilinearMap
from dazoo.losses.adversarial import RandomizedMap
from dazoo.losses.adversarial import conditioner
from dazoo.losses.adversarial import domain_adversarial
from dazoo.losses.adversarial import entropy_weights
from dazoo.losses.adversarial import reverse_gradient
from dazoo.losses.adversarial import warm_start
from dazoo.losses.shares import RunningShares


class FeaturesAlone(nn.Module):
    """What DANN's critic sees: features (N, C), whatever the prediction."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.out_features = num_features

    def forward(self, features: Tensor, probabilities: Tensor) -> Tensor:
        return features


View = FeaturesAlone | MultilinearMap | RandomizedMap


class DANN(Method):
    """Domain-adversarial training of neural networks. Ganin et al., JMLR 2016.

    A critic learns to tell source features from target features; its gradient, reversed, teaches the body to confuse it.
    Loss: CE(source) + weight * [softplus(-D(f_s)) + softplus(D(f_t))] / 2, where the gradient that reaches f is turned round.

    Args:
        weight: weight of the domain loss in the critic's update.
        reversal: largest factor of the reversed gradient; it rises as 2 / (1 + exp(-10 progress)) - 1.
        hidden: width of the critic's two hidden layers, which have batch norm as in Transfer-Learning-Library.
        match_prior: weigh source samples by the target's estimated class share, so that aligning the features does not
            align the label shares of two domains that differ in them (Tachet des Combes et al., NeurIPS 2020). Off, because the estimate
            is wrong early in the run and costs more than it brings (docs/parity.md).
    """

    def __init__(
        self, problem: Problem, *, weight: float = 1.0, reversal: float = 1.0, hidden: int = 1024, match_prior: bool = False
    ) -> None:
        super().__init__(problem)
        self.weight, self.reversal, self.match_prior = weight, reversal, match_prior
        self.seen = self.view(problem.backbone.num_features, problem.num_classes)
        self.critic = _critic(self.seen.out_features, hidden)
        self.shares = RunningShares(problem.num_classes)

    @staticmethod
    def view(num_features: int, num_classes: int) -> View:
        """The module from features (N, C) and probabilities (N, K) to what the critic sees, (N, out_features)."""
        return FeaturesAlone(num_features, num_classes)

    def sample_weights(self, outputs: Outputs) -> Tensor | None:
        """Weights of the domain loss, (N,), or None for equal ones."""
        return None

    def groups(self) -> Mapping[str, nn.Module]:
        fixed = {"critic_map": self.seen} if self.seen.state_dict() else {}  # a random map is part of what was learnt
        return {"critic_domain": self.critic, "critic_shares": self.shares, **fixed}

    def phases(self) -> list[Phase]:
        return [Phase("task", (*BACKBONE, "critic_domain"), self._loss, reads=BOTH)]

    def _loss(self, step: Step) -> dict[str, Tensor]:
        scale = self.reversal * warm_start(step.progress)
        s, t = step.source_outputs, step.target_outputs
        seen = torch.cat([self.seen(o.features, o.logits.softmax(1).detach()) for o in (s, t)])  # (Ns + Nt, out_features)
        logits = self.critic(reverse_gradient(seen, scale)).squeeze(1).float()
        weights_s, weights_t = self.sample_weights(s), self.sample_weights(t)
        if self.match_prior:
            self.shares.update(t.logits.softmax(1).detach())
            prior = self.shares.importance(step.source.labels)
            weights_s = prior if weights_s is None else weights_s * prior
        n = len(s.logits)
        domain = domain_adversarial(logits[:n], logits[n:], weights_s, weights_t)
        return {"task": self.task_loss(step), "domain": self.weight * domain}


class CDAN(DANN):
    """Conditional adversarial domain adaptation (CDAN). Long et al., NeurIPS 2018.

    The critic sees the outer product of feature and class probabilities, or a random projection of it above 4096 entries.
    Loss: that of DANN with f x p in place of f.

    Args:
        entropy: weigh samples by 1 + exp(-entropy), so that certain predictions count more (CDAN+E).
        settings: those of DANN.
    """

    def __init__(self, problem: Problem, *, entropy: bool = False, **settings: Any) -> None:
        super().__init__(problem, **settings)
        self.entropy = entropy

    @staticmethod
    def view(num_features: int, num_classes: int) -> View:
        return conditioner(num_features, num_classes)

    def sample_weights(self, outputs: Outputs) -> Tensor | None:
        return entropy_weights(outputs.logits.softmax(1)) if self.entropy else None


def _critic(inputs: int, hidden: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, 1),
    )
