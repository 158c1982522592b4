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
from dazoo.contracts import batch_statistics
from dazoo.losses.adversarial import linear_start
from dazoo.losses.entropy import class_balance
from dazoo.losses.entropy import self_training
from dazoo.losses.shares import BalancedLabels


class MeanTeacher(Method):
    """Mean-teacher self-training with a confidence threshold. French et al., ICLR 2018; Sohn et al. (FixMatch), NeurIPS 2020.

    The teacher (weight average) labels the weak view; the student learns the confident labels on the strong view. A class that is rarely
    predicted needs less confidence (FlexMatch, Zhang et al., NeurIPS 2021), and the mean prediction is drawn towards equal shares, as in
    French et al., so that few pictures do not collapse into a few classes.

    Args:
        weight: weight of the target's terms, reached at progress `start` + `ramp`.
        threshold: confidence that a pseudo-label needs, in [0, 1); French et al. and Transfer-Learning-Library have .8 to .97.
        even: weight, relative to `weight`, of the class-balance loss, scaled by the share of confident labels.
        balance: strength of balanced assignment (see `dazoo.losses.shares.BalancedLabels`), in [0, 1]. Off, because it gains much on some
            pairs and costs more than a point on others (docs/parity.md).
        start: share of the run in which the target is not used.
        ramp: share of the run over which the weight rises from 0, after `start`.
    """

    defaults = {"ema": 0.99}

    def __init__(
        self,
        problem: Problem,
        *,
        weight: float = 1.0,
        threshold: float = 0.8,
        even: float = 0.1,
        balance: float = 0.0,
        start: float = 0.3,
        ramp: float = 0.1,
    ) -> None:
        super().__init__(problem)
        self.weight, self.threshold, self.even, self.balance, self.start, self.ramp = weight, threshold, even, balance, start, ramp
        self.pseudo_labels = BalancedLabels(problem.num_classes)

    def groups(self) -> Mapping[str, nn.Module]:
        return {"pseudo_labels": self.pseudo_labels}

    def phases(self) -> list[Phase]:
        return [Phase("task", BACKBONE, self._loss, reads=frozenset({"source", "strong"}))]

    def _loss(self, step: Step) -> dict[str, Tensor]:
        weight = self.weight * linear_start(step.progress, self.start, self.ramp)
        with batch_statistics(step.teacher or step.backbone):
            opinion = step.opinion(step.target.images).softmax(1)  # (N, K), of the weak view
        labels, sure = self.pseudo_labels.choose(opinion, self.threshold, step.progress, self.balance)
        logits = step.strong_outputs.logits
        return {
            "task": self.task_loss(step),
            "target": weight * self_training(logits, labels, sure),
            "even": weight * self.even * sure.mean() * class_balance(logits),
        }
