"""Who is ahead of whom: ranks with ties over seeds, and ranks over scenarios."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from dazoo.leaderboard.rows import Row
from dazoo.metrics.intervals import t_quantile


LEVEL = 0.95
FEW = 3
"""Recipes that a rank over scenarios needs at least."""


@dataclass(frozen=True)
class Ranked:
    """A recipe over scenarios: `rank`, the mean of its ranks (1 is the best); `means`, of `last`, one a scenario; and their `mean`."""

    label: str
    rank: float
    means: tuple[float, ...]
    mean: float


@dataclass(frozen=True)
class Overall:
    """Recipes (without scenario) over the scenarios that they share.

    Attributes:
        protocol: of all cells.
        scenarios: names.
        left_out: scenarios that share recipes with these but lack too many of them.
        recipes: that were run on every scenario, best first.
        statistic, p: of Friedman's test that all recipes are alike; None where it does not apply.
        critical: Nemenyi's critical difference of mean ranks at 5 %; None likewise.
        groups: (first, last) indices into `recipes` of the largest runs of neighbours that lie within `critical` of each other.
        why_not: why the tests do not apply, or "".
    """

    protocol: Any
    scenarios: tuple[str, ...]
    left_out: tuple[str, ...]
    recipes: tuple[Ranked, ...]
    statistic: float | None
    p: float | None
    critical: float | None
    groups: tuple[tuple[int, int], ...]
    why_not: str


def ranks_with_ties(rows: Sequence[Row]) -> list[tuple[int | None, bool]]:
    """(rank, whether the row is not told apart from the best) of each row, in order; rows are sorted by their mean, best first.

    The first row leads a group. Each row after it that is not told apart from the leader shares its rank; the first that is, leads the
    next group, whose rank is its position. So ties are transitive, groups are neighbours, and "tied" always means "with the leader". Two
    rows are told apart by a paired t test at 5 % over the seeds that both have; with fewer than two such seeds, if their intervals do
    not overlap. A row with a single run says nothing about the next seed: it has no rank, and leads nothing.
    """
    several = [i for i, row in enumerate(rows) if row.last.n > 1]
    out: list[tuple[int | None, bool]] = [(None, False)] * len(rows)
    if not several:
        return out
    seeds = {s: k for k, s in enumerate(sorted({s for i in several for s in rows[i].seeds}))}
    values = np.full((len(several), len(seeds)), np.nan)
    for k, i in enumerate(several):
        for seed, value in rows[i].values.items():
            values[k, seeds[seed]] = value
    bounds = np.array([(s.interval.low, s.interval.high) for i in several if (s := rows[i].last).interval])
    best = ~told_apart(values, bounds, 0)
    leader, rank, apart = 0, 1, ~best
    for k in range(len(several)):
        if apart[k - leader]:
            leader, rank = k, k + 1
            apart = told_apart(values[k:], bounds[k:], 0)
        out[several[k]] = rank, bool(best[k])
    return out


def told_apart(values: np.ndarray, bounds: np.ndarray, one: int) -> np.ndarray:
    """Whether each row differs from row `one`.

    Args:
        values: (R, S) accuracies by seed, NaN where a row lacks the seed.
        bounds: (R, 2) intervals of the rows' means, for pairs with fewer than two common seeds.
        one: index of the row.

    Returns:
        (R,) bool.
    """
    differences = values - values[one]
    n = np.isfinite(differences).sum(1)
    paired = n > 1
    mean, half = np.zeros(len(values)), np.zeros(len(values))
    mean[paired] = np.nanmean(differences[paired], 1)
    spread = np.nanstd(differences[paired], 1, ddof=1)
    half[paired] = [_quantile(int(k) - 1) for k in n[paired]] * spread / np.sqrt(n[paired])
    intervals = (bounds[:, 0] > bounds[one, 1]) | (bounds[:, 1] < bounds[one, 0])
    return np.where(paired, np.abs(mean) > half + 1e-12, intervals)  # 1e-12: equal runs whose differences round


def over_scenarios(rows: Sequence[Row]) -> list[Overall]:
    """One ranking for each family of scenarios that share recipes, sorted by protocol and scenarios.

    Among the sets of scenarios that some recipe was run on, the one with the most cells (scenarios x recipes that have all) is ranked.
    """
    protocols: dict[str, dict[tuple[Any, ...], dict[str, Row]]] = {}
    for row in rows:
        if row.scenario is not None:
            protocols.setdefault(str(row.protocol), {}).setdefault(row.label, {})[row.scenario] = row
    out = []
    for _, recipes in sorted(protocols.items()):
        out += [_overall({label: recipes[label] for label in family}) for family in _families(recipes)]
    return out


def critical_difference(recipes: int, scenarios: int) -> float:
    """Nemenyi's: mean ranks of `recipes` over `scenarios` that are further apart differ at 5 % (Demsar 2006)."""
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(LEVEL, recipes, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(recipes * (recipes + 1) / (6 * scenarios)))


def _families(recipes: dict[tuple[Any, ...], dict[str, Row]]) -> list[list[tuple[Any, ...]]]:
    """Labels whose scenarios are connected, each list sorted."""
    families: list[tuple[set[str], list[tuple[Any, ...]]]] = []
    for label in sorted(recipes):
        scenarios, labels, rest = set(recipes[label]), [label], []
        for family in families:
            if family[0] & scenarios:
                scenarios, labels = scenarios | family[0], labels + family[1]
            else:
                rest.append(family)
        families = [*rest, (scenarios, labels)]
    return [sorted(labels) for _, labels in sorted(families, key=lambda f: sorted(f[0]))]


def _overall(recipes: dict[tuple[Any, ...], dict[str, Row]]) -> Overall:
    from scipy.stats import friedmanchisquare
    from scipy.stats import rankdata

    sets = sorted({tuple(sorted(found)) for found in recipes.values()})
    complete = {s: [label for label, found in recipes.items() if found.keys() >= set(s)] for s in sets}
    several = [s for s in sets if len(s) > 1 and len(complete[s]) >= FEW] or [s for s in sets if len(s) > 1] or sets
    chosen = max(several, key=lambda s: (len(s) * len(complete[s]), len(s)))
    labels = complete[chosen]
    table = np.array([[recipes[label][s].last.mean for s in chosen] for label in labels])  # (recipes, scenarios)
    ranks = rankdata(-table, axis=0).mean(1)
    order = sorted(range(len(labels)), key=lambda i: (ranks[i], labels[i]))
    names = [" ".join((base, *(f"{k.removeprefix('settings.')}={v}" for k, v in told))) for base, told in labels]
    listed = tuple(Ranked(names[i], float(ranks[i]), tuple(table[i].tolist()), float(table[i].mean())) for i in order)
    protocol = next(iter(recipes[labels[0]].values())).protocol
    left_out = tuple(sorted({s for found in recipes.values() for s in found} - set(chosen)))
    if len(chosen) < 2 or len(labels) < FEW:
        why = (
            f"No test over scenarios: it needs at least 2 scenarios and {FEW} recipes that were run on all of them; "
            f"here {len(labels)} recipe{'s' * (len(labels) > 1)} on {len(chosen)} scenario{'s' * (len(chosen) > 1)}."
        )
        return Overall(protocol, chosen, left_out, listed, None, None, None, (), why)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # all alike: 0 / 0, seen below
        statistic, p = (float(v) for v in friedmanchisquare(*table))
    if not np.isfinite(statistic):
        return Overall(protocol, chosen, left_out, listed, None, None, None, (), "No test over scenarios: all recipes have the same ranks.")
    critical = critical_difference(len(labels), len(chosen))
    return Overall(protocol, chosen, left_out, listed, statistic, p, critical, _groups([r.rank for r in listed], critical), "")


def _groups(ranks: Sequence[float], critical: float) -> tuple[tuple[int, int], ...]:
    """Largest runs of ascending ranks within `critical`, of two or more."""
    ends = [int(np.searchsorted(ranks, r + critical, "right")) - 1 for r in ranks]
    return tuple((i, end) for i, end in enumerate(ends) if end > i and (i == 0 or ends[i - 1] < end))


@cache
def _quantile(freedom: int) -> float:
    return t_quantile(0.5 + LEVEL / 2, freedom)
