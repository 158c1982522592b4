from __future__ import annotations

import math
import random
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from dazoo.errors import DataError
from dazoo.leaderboard.published import Figure
from dazoo.leaderboard.published import read_published
from dazoo.leaderboard.ranking import critical_difference
from dazoo.leaderboard.ranking import over_scenarios
from dazoo.leaderboard.ranking import told_apart
from dazoo.leaderboard.rows import rows_of
from dazoo.leaderboard.table import leaderboard
from tests.bench.synthetic import record
from tests.bench.synthetic import runs


def test_rows_keep_neither_identities_nor_epochs_of_very_many_records():
    class Epochs(list):
        """A list that can be watched."""

    seen = []

    def drawn():
        for made in runs("net-dann-a2b", [0.5, 0.6, 0.7]):
            made = replace(made, epochs=Epochs(made.epochs))
            seen.append(weakref.ref(made.epochs))
            yield made

    ((row,), _) = rows_of(drawn())
    assert [s() for s in seen] == [None] * 3 and not any(hasattr(run, "identity") for run in row.runs)
    assert [run.accuracies for run in row.runs] == [(0.1, 0.5), (0.1, 0.6), (0.1, 0.7)]


def test_a_cell_that_is_there_twice_counts_once_whatever_the_order():
    first, second = record(last=0.5), record(last=0.6)
    for order in ([first, second], [second, first]):
        ((row,), failures) = rows_of(order)
        assert (row.last.n, row.last.mean, failures) == (1, 0.5, [])


def test_a_row_has_the_mean_and_the_t_interval_over_seeds() -> None:
    (section,) = leaderboard(runs("net-dann-a2b", [0.5, 0.6, 0.7])).sections
    (line,) = section.standings
    assert section.title == "a2b" and line.row.seeds == (0, 1, 2) and line.row.base == "net-dann"
    half = stats.t.ppf(0.975, 2) * 0.1 / math.sqrt(3)  # by hand: the spread of 0.5, 0.6, 0.7 is 0.1
    assert line.row.last.mean == pytest.approx(0.6) and line.row.last.interval.half == pytest.approx(half)
    assert line.row.chosen == line.row.last and (line.rank, line.tied, line.best) == (1, False, True)


def test_a_single_run_has_no_interval_and_no_rank() -> None:
    lines = leaderboard([*runs("net-dann-a2b", [0.5, 0.51]), record("net-cdan-a2b", 0, 0.99)]).sections[0].standings
    assert [(s.row.base, s.rank, s.row.last.interval is None) for s in lines] == [("net-cdan", None, True), ("net-dann", 1, False)]


def test_the_order_of_the_records_changes_nothing() -> None:
    records = [r for k, name in enumerate(("net-source-a2b", "net-dann-a2b", "net-cdan-a2b")) for r in runs(name, [0.5 + k / 9, 0.6, 0.7])]
    records += [record("net-dann-a2b", 5, error={"type": "E", "message": "no"}), record("net-cdan-a2b", 1, 0.3, settings={"lr": 0.1})]

    def told(order: list[dict]) -> list[object]:
        board = leaderboard(order)
        rows = [(s.row.key, s.row.seeds, s.row.last, s.gain, s.rank, s.tied) for section in board.sections for s in section.standings]
        return [rows, board.overall, board.failures, board.machines]

    shuffled = random.Random(0).sample(records, len(records))
    assert told(records) == told(shuffled) == told([*shuffled, shuffled[3]])


@pytest.mark.parametrize(
    "other",
    [{"settings": {"lr": 0.01}}, {"data": "e" * 64}, {"protocol": 2}, {"plugins": {"dazoo-methods": "0.2"}}],
    ids=["settings", "data", "protocol", "versions"],
)
def test_runs_that_differ_in_more_than_the_seed_are_not_averaged(other: dict) -> None:
    board = leaderboard([record(seed=0, last=0.4), record(seed=1, last=0.8, **other)])
    rows = [s.row for section in board.sections for s in section.standings]
    assert sorted(row.last.mean for row in rows) == [0.4, 0.8]
    if "protocol" in other:
        assert [s.title for s in board.sections] == ["a2b (protocol 1)", "a2b (protocol 2)"]
    else:
        assert all(row.differs for row in rows)


def test_what_differs_is_shown() -> None:
    rows, _ = rows_of([record(seed=0), record(seed=0, settings={"lr": 0.01}), record(seed=0, settings={"lr": 0.01, "ema": 0.9})])
    assert sorted(row.settings for row in rows) == ["ema=-, lr=0.001", "ema=-, lr=0.01", "ema=0.9, lr=0.01"]


def test_gain_is_paired_by_seed() -> None:
    plain = runs("net-source-a2b", [0.50, 0.60, 0.40])
    adapted = [record("net-dann-a2b", s, v) for s, v in ((1, 0.65), (2, 0.47), (7, 0.99))]
    lines = {s.row.base: s for s in leaderboard(plain + adapted).sections[0].standings}
    gain = lines["net-dann"].gain
    assert gain.n == 2 and gain.mean == pytest.approx(0.06)  # 0.05 and 0.07; seed 7 has no partner
    assert gain.interval.half == pytest.approx(stats.t.ppf(0.975, 1) * stats.sem([0.05, 0.07]))
    assert lines["net-source"].gain is None


@pytest.mark.parametrize(
    "plain",
    [
        [],
        runs("other-source-a2b", [0.5]),
        runs("net-source-b2a", [0.5]),
        [record("net-source-a2b", 9)],
        runs("net-source-a2b", [0.5], data="e" * 64),
        runs("net-source-a2b", [0.5], protocol=2),
        runs("net-source-a2b", [0.5], plugins={"dazoo": "0.2"}),
    ],
    ids=["none", "backbone", "scenario", "seed", "data", "protocol", "version"],
)
def test_without_a_partner_there_is_no_gain(plain: list[dict]) -> None:
    board = leaderboard([record("net-dann-a2b", 0, 0.7), *plain])
    (line,) = (s for section in board.sections for s in section.standings if s.row.adapts)
    assert line.gain is None and line.partner is None


def test_the_partner_has_the_settings_of_the_row() -> None:
    records = [
        record(f"net-{m}-a2b", 0, v, settings={"lr": lr}) for m, lr, v in (("source", 0.1, 0.4), ("source", 0.2, 0.5), ("dann", 0.2, 0.6))
    ]
    (line,) = (s for s in leaderboard(records).sections[0].standings if s.row.adapts)
    assert line.partner.settings == "lr=0.2" and line.gain.mean == pytest.approx(0.1)


def test_told_apart_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0.5, 0.02, (40, 4)) + rng.normal(0, 0.02, (40, 1)) + rng.normal(0, 0.1, 4)
    found = told_apart(values, np.zeros((40, 2)), 3)
    expected = [k != 3 and stats.ttest_rel(values[k], values[3]).pvalue < 0.05 for k in range(40)]
    assert found.tolist() == expected and 0 < sum(expected) < 39


def test_ties_are_with_the_leader_of_the_group() -> None:
    records = [
        *runs("net-a-x", [0.80, 0.90, 0.85]),
        *runs("net-b-x", [0.79, 0.89, 0.845]),  # always below a, by nearly the same: told apart
        *runs("net-c-x", [0.90, 0.60, 0.95]),  # anything: told apart from neither
        *runs("net-d-x", [0.1, 0.2, 0.15]),
        record("net-e-x", 0, 0.84),
    ]
    lines = leaderboard(records).sections[0].standings
    assert [(s.row.base[-1], s.rank, s.tied, s.best) for s in lines] == [
        ("a", 1, False, True),
        ("b", 2, True, False),
        ("e", None, False, False),
        ("c", 2, True, True),
        ("d", 4, False, False),
    ]


def test_without_common_seeds_intervals_decide() -> None:
    def ranks(second: float) -> list[int | None]:
        apart = [record("net-b-x", s, v) for s, v in ((5, second), (6, second + 0.01))]
        return [s.rank for s in leaderboard([*runs("net-a-x", [0.80, 0.81]), *apart]).sections[0].standings]

    assert ranks(0.79) == [1, 1] and ranks(0.2) == [1, 2]


def test_failed_cells_and_cells_without_a_number_are_listed() -> None:
    failed = record("net-dann-a2b", 1, error={"type": "TrainingError", "message": "loss is nan"})
    board = leaderboard([record("net-dann-a2b", 0), failed, record("net-dann-a2b", 2, None)])
    assert [(f.seed, f.kind) for f in board.failures] == [(1, "TrainingError"), (2, "no number")]
    assert board.done == 1
    again = record("net-dann-a2b", 1, 0.5, attempts=2)
    assert [f.seed for f in leaderboard([failed, again]).failures] == []


def test_tracebacks_lose_the_folders_of_the_machine() -> None:
    text = 'File "/home/me/env/dazoo/bench/work.py", line 3, in f\n  File "x.py", line 1\n  File "C:\\\\Users\\\\me\\\\a\\\\b.py", line 2'
    (failure,) = leaderboard([record(error={"traceback": text})]).failures
    assert failure.traceback.splitlines()[0] == 'File "dazoo/bench/work.py", line 3, in f'
    assert 'File "x.py", line 1' in failure.traceback and "home" not in failure.traceback and "C:" not in failure.traceback


def test_friedman_and_nemenyi() -> None:
    means = {"a": [0.9, 0.8, 0.7, 0.9], "b": [0.8, 0.7, 0.6, 0.8], "c": [0.1, 0.2, 0.65, 0.3]}
    records = [record(f"net-{m}-s{k}", 0, v) for m, values in means.items() for k, v in enumerate(values)]
    records += [record("net-d-s0", 0, 0.5)]  # on one scenario alone: not ranked
    (overall,) = leaderboard(records).overall
    assert [(r.label, r.rank) for r in overall.recipes] == [("net-a", 1.0), ("net-b", 2.25), ("net-c", 2.75)]
    statistic, p = stats.friedmanchisquare(*means.values())
    assert (overall.statistic, overall.p) == (pytest.approx(statistic), pytest.approx(p))
    assert critical_difference(3, 4) == pytest.approx(2.343 * math.sqrt(3 * 4 / 24), abs=1e-3)  # Demsar 2006, table 5
    assert overall.groups == ((0, 1), (1, 2)) and overall.left_out == () and overall.why_not == ""


def test_a_scenario_that_lacks_recipes_is_left_out() -> None:
    records = [record(f"net-{m}-s{k}", 0, v) for m, v in (("a", 0.5), ("b", 0.6), ("c", 0.7)) for k in range(2)]
    (overall,) = leaderboard([*records, record("net-a-s9", 0)]).overall
    assert overall.scenarios == ("s0", "s1") and overall.left_out == ("s9",)


@pytest.mark.parametrize(("recipes", "scenarios"), [("ab", 3), ("abcd", 1)])
def test_too_few_for_a_test_over_scenarios_is_said(recipes: str, scenarios: int) -> None:
    (overall,) = leaderboard([record(f"net-{m}-s{k}", 0) for m in recipes for k in range(scenarios)]).overall
    assert overall.critical is None and "at least 2 scenarios and 3 recipes" in overall.why_not


def test_all_alike_has_no_test() -> None:
    rows, _ = rows_of([record(f"net-{m}-s{k}", 0, 0.5) for m in "abc" for k in range(2)])
    assert "same ranks" in over_scenarios(rows)[0].why_not


def test_cost() -> None:
    costs = [{"seconds": s, "images_per_second": None, "memory": m, "device_memory": d} for s, m, d in ((10, 5, None), (20, 7, 3))]
    (line,) = leaderboard([record(seed=k, cost=c) for k, c in enumerate(costs)]).sections[0].standings
    assert (line.row.cost.seconds, line.row.cost.images_per_second, line.row.cost.memory) == (15.0, None, 5)


def test_published_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.toml"
    file.write_text('[[figure]]\nrecipe = "net-dann-a2b"\nvalue = 0.917\nsource = "somebody"\n')
    assert read_published(file) == (Figure("net-dann-a2b", 0.917, "somebody"),)
    for text, said in (
        ("[[figure", "no TOML"),
        ("[other]", "expected .*figure"),
        ('[[figure]]\nrecipe = "a"\nvalue = 0.5', "expected recipe, value and source"),
        ('[[figure]]\nrecipe = "a"\nvalue = 91.7\nsource = "b"', "0.917, not 91.7"),
        ('[[figure]]\nrecipe = "a"\nvalue = 0x' + "f" * 5000 + '\nsource = "b"', "value is a number of more than 4300 digits"),
        ('[[figure]]\nrecipe = "a"\nvalue = ' + "9" * 310 + '\nsource = "b"', "value is 999"),
        ('[[figure]]\nrecipe = "a"\nvalue = ' + "9" * 5000 + '\nsource = "b"', "no TOML"),
        ('[[figure]]\nrecipe = "a"\nvalue = nan\nsource = "b"', "value is nan"),
        ("figure = " + "[" * 5000, "no TOML"),
        ("figure = [{value = 1, source = 1, recipe." + ".".join("a" * 5000) + " = 1}]", "are text"),
        ('[[figure]]\nrecipe = 1\nvalue = 0.5\nsource = "b"', "are text"),
    ):
        file.write_text(text)
        with pytest.raises(DataError, match=said):
            read_published(file)
    with pytest.raises(DataError, match="cannot be read"):
        read_published(tmp_path / "none.toml")
    shipped = {f.recipe: f.value for f in read_published(Path(__file__).parents[2] / "benchmarks" / "published.toml")}
    assert shipped["lenet-dann-mnist2usps"] == 0.917 and shipped["lenet-cdan-usps2mnist"] == 0.977
