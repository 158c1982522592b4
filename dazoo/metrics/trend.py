"""Whether a run had come to rest when it ended: its source loss, and its answers on the target."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from itertools import pairwise

import numpy as np


FEWEST = 4
"""Epochs that a trend needs: four that fall one after another have p = 1/24 by chance."""

LEARNT = 0.1
"""Source loss in nats at which the classes are learnt: the right one has a probability of 0.9."""

DROP = 0.1
"""Share of the loss by which it must fall over the last half of a run to be called falling."""

RESTLESS = 0.2
"""Share of target answers that change from one epoch to the next in a run that has not settled."""


def task_losses(terms: Sequence[Mapping[str, float]]) -> list[float]:
    """The source loss by epoch: the mean of the terms named "task" or "task/..." (one for each head); epochs without one are left out."""
    rows = [[value for name, value in row.items() if name.partition("/")[0] == "task"] for row in terms]
    return [float(np.mean(row)) for row in rows if row]


def falling(losses: Sequence[float]) -> float | None:
    """By how much the loss fell over the last half of the run, as a share of where it ended; None where it was not falling.

    A loss of one step is noisy, so it is the rank correlation with time that must be beyond chance (Kendall, one-sided, p < 0.05), and the
    median slope (Theil and Sen) that must be worth something (`DROP`). A loss below `LEARNT` may fall as it likes.
    """
    from scipy.stats import kendalltau  # takes a second to import, which who loads a model need not wait
    from scipy.stats import theilslopes

    last = np.asarray(losses[-max(FEWEST, -(-len(losses) // 2)) :], np.float64)
    if len(last) < FEWEST or not np.isfinite(last).all():
        return None
    end = float(np.median(last[-2:]))
    if end <= LEARNT or not kendalltau(range(len(last)), last, alternative="less").pvalue < 0.05:
        return None
    drop = -float(theilslopes(last).slope) * (len(last) - 1) / end
    return drop if drop >= DROP else None


def churn(predictions: Sequence[np.ndarray]) -> float | None:
    """Mean share of target answers that changed from one epoch to the next over the last quarter; None where there are too few epochs.

    Args:
        predictions: (N,) class indices after each epoch.
    """
    if len(predictions) < FEWEST:
        return None
    last = predictions[-max(3, len(predictions) // 4) :]
    return float(np.mean([np.mean(a != b) for a, b in pairwise(last)]))
