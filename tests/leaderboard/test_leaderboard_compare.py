from __future__ import annotations

import json
import random
from dataclasses import asdict

import pytest
from scipy import stats

from dazoo.errors import DataError
from dazoo.errors import UnknownName
from dazoo.leaderboard.compare import compare
from dazoo.leaderboard.compare import paired
from tests.bench.synthetic import record
from tests.bench.synthetic import runs


A = {"x": [0.60, 0.65, 0.70], "y": [0.50, 0.40]}
B = {"x": [0.50, 0.58, 0.61], "y": [0.45, 0.41]}
RECORDS = [r for name, values in (("net-dann", A), ("net-source", B)) for s, v in values.items() for r in runs(f"{name}-{s}", v)]


def test_paired_differences_by_scenario_and_pooled() -> None:
    found = compare(random.Random(0).sample(RECORDS, len(RECORDS)), "net-dann", "net-source")
    assert [p.scenario for p in found.pairs] == ["x", "y"]
    x = found.pairs[0].paired
    test = stats.ttest_rel(A["x"], B["x"])
    low, high = test.confidence_interval(0.95)
    assert x.p == pytest.approx(test.pvalue) and (x.difference.interval.low, x.difference.interval.high) == (
        pytest.approx(low),
        pytest.approx(high),
    )
    pooled = stats.ttest_rel(A["x"] + A["y"], B["x"] + B["y"])
    assert found.pooled.difference.n == 5 and found.pooled.p == pytest.approx(pooled.pvalue)
    text = str(found)
    assert "+8.7" in text and "they differ" in text and "not told apart" in text and "pooled" in text
    json.dumps(asdict(found))


def test_a_name_with_scenario_compares_that_one_alone() -> None:
    found = compare(RECORDS, "net-dann-x", "net-source")
    assert [p.scenario for p in found.pairs] == ["x"] and found.pooled is None


def test_one_pair_says_nothing() -> None:
    found = compare(
        [record("net-dann-x", 0, 0.9), record("net-source-x", 0, 0.1), record("net-source-x", 1, 0.1)], "net-dann", "net-source"
    )
    assert found.pairs[0].paired.p is None and found.pairs[0].seeds == (0,)
    assert "n=1" in str(found) and "says nothing about the next seed" in str(found)


def test_equal_runs_and_equal_differences() -> None:
    assert paired([0.0, 0.0]).p == 1.0 and "not told apart" in str(paired([0.0, 0.0]))
    assert paired([0.1, 0.1, 0.1]).p == 0.0 and "p < 0.001" in str(paired([0.1, 0.1, 0.1]))


def test_classes_that_gain_and_lose() -> None:
    names = ["stop", "<b>", "yield"]
    first = runs("net-dann-x", [0.5, 0.5], classes=names, confusion=[[9, 1, 0], [5, 5, 0], [0, 0, 10]])
    second = runs("net-source-x", [0.4, 0.4], classes=names, confusion=[[4, 6, 0], [2, 8, 0], [0, 0, 10]])
    (pair,) = compare(first + second, "net-dann", "net-source").pairs
    assert [(c.name, c.first, c.second, c.pictures) for c in pair.gained] == [("stop", 0.9, 0.4, 20)]
    assert [(c.name, c.first, c.second) for c in pair.lost] == [("<b>", 0.5, 0.8)]
    assert "stop  40 % -> 90 % of 20 pictures" in str(compare(first + second, "net-dann", "net-source"))
    other = runs("net-source-x", [0.4], classes=["p", "q"])
    (pair,) = compare(first + other, "net-dann", "net-source").pairs
    assert pair.gained == pair.lost == ()


def test_rows_with_several_settings() -> None:
    records = [r for lr in (0.1, 0.2) for m in ("dann", "source") for r in runs(f"net-{m}-x", [0.5, 0.6 + lr], settings={"lr": lr})]
    found = compare(records, "net-dann", "net-source")
    (pair,) = found.pairs
    assert pair.first.partition("(")[2] == pair.second.partition("(")[2] and "4 pairs of settings" in str(found)
    keys = sorted({p.partition("@")[2].partition(" ")[0] for p in (pair.first,)})
    assert keys and compare(records, f"net-dann@{keys[0]}", "net-source").pairs[0].first == pair.first
    with pytest.raises(UnknownName, match="there are"):
        compare(records, "net-dann@zzz", "net-source")
    with pytest.raises(DataError, match="no cell to pair"):
        compare(records, f"net-dann@{keys[0]}", f"net-dann@{keys[0]}")


def test_what_else_differs_is_said() -> None:
    records = [record("net-dann-x", 0, data="e" * 64), record("net-source-x", 0, settings={"lr": 0.5})]
    text = str(compare(records, "net-dann", "net-source"))
    assert "pictures differ" in text and "lr=0.001 against 0.5" in text


def test_unknown_names() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'net-dann'"):
        compare(RECORDS, "net-dan", "net-source")
    with pytest.raises(UnknownName, match="There are no results"):
        compare([], "a", "b")


def test_nothing_in_common() -> None:
    for records in (
        [record("net-dann-x", 0), record("net-source-x", 1)],
        [record("net-dann-x", 0), record("net-source-y", 0)],
        [record("net-dann-x", 0), record("net-source-x", 0, protocol=2)],
    ):
        with pytest.raises(DataError, match="no cell to pair"):
            compare(records, "net-dann", "net-source")
