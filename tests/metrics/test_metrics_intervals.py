from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dazoo.errors import DataError
from dazoo.metrics.intervals import paired_difference
from dazoo.metrics.intervals import summarise
from dazoo.metrics.intervals import t_quantile
from dazoo.metrics.intervals import wilson


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 10, 29, 100])
@pytest.mark.parametrize("p", [0.025, 0.5, 0.6, 0.9, 0.975, 0.9995])
def test_t_quantile_against_scipy(freedom: int, p: float) -> None:
    assert t_quantile(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), rel=1e-9, abs=1e-12)


def test_t_quantile_outside_its_range() -> None:
    for p, freedom in ((0.0, 3), (1.0, 3), (0.5, 0)):
        with pytest.raises(DataError, match="0 < p < 1"):
            t_quantile(p, freedom)


def test_summary_against_scipy() -> None:
    values = [0.61, 0.64, 0.58, 0.67]
    s = summarise(values)
    expected = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert (s.interval.low, s.interval.high) == pytest.approx(expected)
    assert (s.mean, s.spread, s.n) == (pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)), 4)
    assert str(s) == f"62.5 ± {100 * s.interval.half:.1f} (n=4)"


def test_one_run_has_no_interval() -> None:
    s = summarise([0.5])
    assert (s.mean, s.spread, s.interval, s.n) == (0.5, None, None, 1)
    assert str(s) == "50.0 (n=1)"


@pytest.mark.parametrize("values", [[], [0.5, math.nan], [math.inf]])
def test_nothing_or_not_finite_is_no_summary(values: list[float]) -> None:
    with pytest.raises(DataError, match="finite"):
        summarise(values)


@pytest.mark.parametrize(("correct", "n"), [(0, 10), (10, 10), (95, 153), (1, 1)])
def test_wilson_against_scipy(correct: int, n: int) -> None:
    expected = stats.binomtest(correct, n).proportion_ci(method="wilson")
    interval = wilson(correct, n)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("correct", "n"), [(1, 0), (-1, 3), (4, 3)])
def test_wilson_of_no_count(correct: int, n: int) -> None:
    with pytest.raises(DataError, match="count"):
        wilson(correct, n)


def test_pairing_removes_what_a_seed_adds_to_both() -> None:
    base = {0: 0.5, 1: 0.7, 2: 0.6, 9: 0.0}
    adapted = {0: 0.55, 1: 0.74, 2: 0.66}
    s = paired_difference(adapted, base)
    assert (s.mean, s.n) == (pytest.approx(0.05), 3)
    assert s.interval.low > 0
    with pytest.raises(DataError, match="same seeds"):
        paired_difference({0: 1.0}, {1: 1.0})
