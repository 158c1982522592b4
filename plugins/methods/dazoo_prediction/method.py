"""Self-training: the network learns from what an average of itself says about the target."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Step
from dazoo.contracts.component import BACKBONE
from dazoo.losses.shares import RunningShares


class MeanTeacher(Method):
    """Mean-teacher self-training with a confidence threshold. French et al., ICLR 2018; Sohn et al. (FixMatch), NeurIPS 2020.

    The teacher (weight average) labels the weak view; the student learns the confident labels on the strong view. Two
    things keep few pictures and shifted class shares from collapsing into a few classes: predictions are divided by their
    running class shares before a label is taken (distribution alignment, Berthelot et al., ICLR 2020), and the threshold of
    a class is lowered while the class is rarely predicted (FlexMatch, Zhang et al., NeurIPS 2021).

    Args:
        weight: weight of the target's cross-entropy, reached at progress `ramp`.
        threshold: confidence that a pseudo-label needs, in [0, 1).
        align: power of the division by the running class shares; 0 switches it off.
        ramp: share of the run over which the weight rises from 0, after `start`.
        start: share of the run in which the target is not used.
    """

    defaults = {"ema": 0.99}

    def __init__(
        self,
        problem: Problem,
        *,
        weight: float = 1.0,
        threshold: float = 0.7,
        align: float = 0.5,
        start: float = 0.5,
        ramp: float = 0.2,
    ) -> None:
        super().__init__(problem)
        self.weight, self.threshold, self.align, self.start, self.ramp = weight, threshold, align, start, ramp
        self.shares = RunningShares(problem.num_classes)

    def parts(self) -> Mapping[str, nn.Module]:
        return {"shares": self.shares}

    def phases(self) -> list[Phase]:
        return [Phase("task", BACKBONE, self._loss, reads=frozenset({"source", "strong"}))]

    def _loss(self, step: Step) -> dict[str, Tensor]:
        weight = self.weight * min(1.0, max(0.0, (step.progress - self.start) / self.ramp))
        with torch.no_grad():
            opinion = step.teacher(step.target.images).float().softmax(1)
        labels, mask = self.shares.pseudo_labels(opinion, self.threshold, self.align)
        each = F.cross_entropy(step.strong_outputs.logits, labels, reduction="none")
        return {"task": self.task_loss(step), "target": weight * (mask * each).mean()}
