"""Self-training: the network learns from what an average of itself says about the target."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch import nn

from dazoo.contracts import BACKBONE
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.losses.adversarial import linear_start
from dazoo.losses.entropy import self_training
from dazoo.losses.shares import BalancedLabels


class MeanTeacher(Method):
    """Mean-teacher self-training with a confidence threshold. French et al., ICLR 2018; Sohn et al. (FixMatch), NeurIPS 2020.

    The teacher (weight average) labels the weak view; the student learns the confident labels on the strong view. Two
    things keep few pictures and shifted class shares from collapsing into a few classes: labels are balanced until late in
    the run, and a class that is rarely predicted needs less confidence (see `dazoo.losses.shares.BalancedLabels`).

    Args:
        weight: weight of the target's cross-entropy, reached at progress `start` + `ramp`.
        threshold: confidence that a pseudo-label needs, in [0, 1).
        balance: strength of the balancing; 0 switches it off.
        ramp: share of the run over which the weight rises from 0, after `start`.
        start: share of the run in which the target is not used.
    """

    defaults = {"ema": 0.99}

    def __init__(
        self,
        problem: Problem,
        *,
        weight: float = 1.0,
        threshold: float = 0.5,
        balance: float = 1.0,
        start: float = 0.3,
        ramp: float = 0.1,
    ) -> None:
        super().__init__(problem)
        self.weight, self.threshold, self.balance, self.start, self.ramp = weight, threshold, balance, start, ramp
        self.pseudo_labels = BalancedLabels(problem.num_classes)

    def groups(self) -> Mapping[str, nn.Module]:
        return {"pseudo_labels": self.pseudo_labels}

    def phases(self) -> list[Phase]:
        return [Phase("task", BACKBONE, self._loss, reads=frozenset({"source", "strong"}))]

    def _loss(self, step: Step) -> dict[str, Tensor]:
        weight = self.weight * linear_start(step.progress, self.start, self.ramp)
        opinion = step.opinion(step.target.images).softmax(1)  # (N, K), of the weak view
        labels, sure = self.pseudo_labels.choose(opinion, self.threshold, step.progress, self.balance)
        return {"task": self.task_loss(step), "target": weight * self_training(step.strong_outputs.logits, labels, sure)}
