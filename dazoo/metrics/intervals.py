"""How sure a number is: intervals over seeds, over pictures, and of differences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from statistics import fmean

from scipy.special import stdtrit

from dazoo.errors import DataError


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`."""

    low: float
    high: float

    @property
    def half(self) -> float:
        """Half its width."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Summary:
    """Runs in short.

    Attributes:
        mean: over runs.
        spread: standard deviation (n - 1 in the denominator); None for one run.
        interval: Student's t interval of the mean; None for one run, which says nothing about the next.
        n: number of runs.
    """

    mean: float
    spread: float | None
    interval: Interval | None
    n: int

    def __str__(self) -> str:
        """In per cent: "62.1 ± 3.4 (n=3)"."""
        half = "" if self.interval is None else f" ± {100 * self.interval.half:.1f}"
        return f"{100 * self.mean:.1f}{half} (n={self.n})"


def summarise(values: Sequence[float], level: float = 0.95) -> Summary:
    """Mean, spread and t interval over runs (one value per seed).

    Raises:
        DataError: no value, or one that is not finite.
    """
    values = [float(v) for v in values]
    if not values or not all(math.isfinite(v) for v in values):
        raise DataError(f"Values to average are {values}; expected at least one, all finite. Leave out runs that failed and say so.")
    mean, n = fmean(values), len(values)
    if n == 1:
        return Summary(mean, None, None, 1)
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))  # statistics.stdev is exact in fractions, and 50 times slower
    half = t_quantile(0.5 + level / 2, n - 1) * spread / math.sqrt(n)
    return Summary(mean, spread, Interval(mean - half, mean + half), n)


def wilson(correct: int, n: int, level: float = 0.95) -> Interval:
    """Interval of one model's accuracy from `correct` of `n` pictures (Wilson 1927). Unlike mean ± 2 s it stays inside [0, 1].

    Raises:
        DataError: `n` below 1, or `correct` outside 0 to `n`.
    """
    if n < 1 or not 0 <= correct <= n:
        raise DataError(f"{correct} right of {n} pictures is no count; expected 0 <= right <= n and n >= 1.")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    p, scale = correct / n, 1 + z * z / n
    middle = (p + z * z / (2 * n)) / scale
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def paired_difference(first: Mapping[int, float], second: Mapping[int, float], level: float = 0.95) -> Summary:
    """Summary of `first` minus `second` over the seeds that both have: what a seed adds to both cancels.

    Raises:
        DataError: no common seed.
    """
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        raise DataError(f"No common seed: {sorted(first)} and {sorted(second)}; run both recipes with the same seeds.")
    return summarise([first[s] - second[s] for s in seeds], level)


def t_quantile(p: float, freedom: int) -> float:
    """Quantile of Student's t distribution for p in (0, 1) and whole degrees of freedom from 1.

    Raises:
        DataError: p or freedom outside those ranges.
    """
    if not 0 < p < 1 or freedom < 1:
        raise DataError(f"The t quantile of p={p} with {freedom} degrees of freedom does not exist; expected 0 < p < 1 and at least 1.")
    return float(stdtrit(freedom, p))
