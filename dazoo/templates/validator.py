"""A validator: a score that needs no target label and is higher for a better model."""

from __future__ import annotations

from dazoo.contracts import Evidence
from dazoo.contracts import Validator


class MyThing(Validator):
    """The mean lead of the best class over the second best, on the target."""

    reads_source = False  # it looks at the target alone

    def __call__(self, evidence: Evidence) -> float:
        best = evidence.target_logits.softmax(1).topk(2, dim=1).values  # (N, 2)
        return float((best[:, 0] - best[:, 1]).mean())
