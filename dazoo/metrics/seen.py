"""What can be seen of a trained network without target labels: counts of its answers, label-free scores, and how sure those are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import Any

import numpy as np

from dazoo.metrics.intervals import Interval
from dazoo.metrics.intervals import summarise
from dazoo.plain import fits


FOLDS = 10
"""Parts that the target pictures are cut into, to tell a difference between two scores from the chance of the draw."""

LEAST = 4
"""Pictures of a part; with fewer target pictures than FOLDS * LEAST nothing is told apart."""


@dataclass(frozen=True)
class Seen:
    """What a network does, by numbers that need no target label.

    Attributes:
        predicted: target pictures by the class that they are called, (K,).
        held_out: held-out source pictures by true class, (K,); empty where there are none. right: how many of them are called right.
        scores: label-free scores by validator, finite ones alone.
        folds: the same scores on `FOLDS` parts of the target pictures, for validators that look at the target alone.
        pictures: digest of the target pictures, which tells whether two networks were shown the same; "" where it is not known.
        answers: (N,) class index of each target picture, while they are at hand; not kept.
    """

    predicted: tuple[int, ...]
    held_out: tuple[int, ...] = ()
    right: tuple[int, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    folds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    pictures: str = ""
    answers: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def commonest(self) -> int:
        """Index of the class that most target pictures are called."""
        return int(np.argmax(self.predicted))

    @property
    def share(self) -> float:
        """Share of target pictures that are called the commonest class, in [0, 1]."""
        return self.predicted[self.commonest] / max(1, sum(self.predicted))

    @property
    def source_accuracy(self) -> float | None:
        """Share of held-out source pictures that are called right, or None without any."""
        return sum(self.right) / sum(self.held_out) if sum(self.held_out) else None

    def to_json(self) -> dict[str, Any]:
        """As a config takes it: six digits of a score are enough."""
        made = asdict(replace(self, answers=None))
        del made["answers"]
        made["scores"] = {name: _short(value) for name, value in self.scores.items()}
        made["folds"] = {name: [_short(value) for value in values] for name, values in self.folds.items()}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in made.items()}

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Seen:
        """What `to_json` gave.

        Raises:
            ValueError: something else.
        """
        counts = {key: tree.get(key, []) for key in ("predicted", "held_out", "right")}
        pictures = tree.get("pictures", "")
        tables = {key: tree.get(key, {}) for key in ("scores", "folds")}
        good = all(isinstance(v, list | tuple) and all(type(n) is int and n >= 0 for n in v) for v in counts.values())
        good = good and all(isinstance(v, Mapping) for v in tables.values()) and all(map(_is_number, tables["scores"].values()))
        good = good and all(isinstance(v, list | tuple) and all(map(_is_number, v)) for v in tables["folds"].values())
        if not isinstance(pictures, str) or not good or not counts["predicted"] or len(counts["held_out"]) != len(counts["right"]):
            raise ValueError("no record of what was seen of a network; expected counts by class, and scores by validator")
        folds = {str(name): tuple(map(float, values)) for name, values in tables["folds"].items()}
        scores = {str(name): float(value) for name, value in tables["scores"].items()}
        predicted, held_out, right = (tuple(counts[key]) for key in ("predicted", "held_out", "right"))
        return cls(predicted, held_out, right, scores, folds, pictures)


@dataclass(frozen=True)
class Difference:
    """A score of one network minus that of another on the same pictures: `mean` over parts, with the 95 % interval (Student's t)."""

    mean: float
    interval: Interval

    @property
    def told(self) -> int:
        """1 where the first is better beyond the draw of the pictures, -1 where it is worse, 0 where nothing tells."""
        return 1 if self.interval.low > 0 else -1 if self.interval.high < 0 else 0


def difference(first: Seen, second: Seen, validator: str) -> Difference | None:
    """How two networks differ by a validator, paired by parts of the target pictures; None where the parts were not scored.

    The interval covers which pictures were taken. It does not cover the seed: another run of the same recipe may differ by more.
    """
    mine, other = first.folds.get(validator, ()), second.folds.get(validator, ())
    if len(mine) != len(other) or len(mine) < 2:
        return None
    found = summarise([a - b for a, b in zip(mine, other, strict=True)])
    return Difference(found.mean, found.interval or Interval(-math.inf, math.inf))


def disagreement(first: Seen, second: Seen) -> float | None:
    """Share of target pictures that two networks call differently, which their accuracies cannot differ by more than; None if unknown."""
    if first.answers is None or second.answers is None or len(first.answers) != len(second.answers):
        return None
    return float(np.mean(first.answers != second.answers))


def folds(count: int) -> list[np.ndarray]:
    """Indices of the target pictures in `FOLDS` parts, the same for every network; no part where there are too few pictures."""
    if count < FOLDS * LEAST:
        return []
    return np.array_split(np.random.default_rng(0).permutation(count), FOLDS)


def effective(counts: Sequence[int]) -> float:
    """Effective number of classes, exp of the entropy of their shares: K where all are equally common, 1 where there is one."""
    shares = np.asarray(counts, np.float64)
    shares = shares[shares > 0] / max(1.0, shares.sum())
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 1.0


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and fits(value)
