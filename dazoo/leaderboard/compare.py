"""Do two recipes differ? Paired by scenario and seed, so that what both have in common cancels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dazoo.bench.record import Record
from dazoo.errors import DataError
from dazoo.errors import UnknownName
from dazoo.leaderboard.rows import Row
from dazoo.leaderboard.rows import flat
from dazoo.leaderboard.rows import rows_of
from dazoo.metrics.intervals import Summary
from dazoo.metrics.intervals import summarise
from dazoo.registry.registry import did_you_mean


SHOWN = 3
"""Classes that are listed on either side."""


@dataclass(frozen=True)
class Paired:
    """Differences of the first recipe from the second, in the accuracy after the last epoch.

    Attributes:
        difference: mean, interval and n of the differences.
        p: two-sided, of the paired t test that their mean is 0; None for one pair.
    """

    difference: Summary
    p: float | None

    def __str__(self) -> str:
        """In points, with what it says."""
        s = self.difference
        points = f"{100 * s.mean:+.1f}"
        if s.interval is None:
            return f"{points} (n=1): one pair says nothing about the next seed; run both recipes with more seeds"
        sure = s.interval.low > 0 or s.interval.high < 0
        p = "p < 0.001" if self.p is not None and self.p < 0.001 else f"p = {self.p:.3f}"
        said = "they differ" if sure else "not told apart"
        return f"{points} [{100 * s.interval.low:+.1f}, {100 * s.interval.high:+.1f}] (n={s.n}, {p}): {said}"


@dataclass(frozen=True)
class ClassChange:
    """How often a class is recognised: shares of its target pictures, over the common seeds."""

    name: str
    first: float
    second: float
    pictures: int


@dataclass(frozen=True)
class Pair:
    """The two recipes on one scenario.

    Attributes:
        scenario: its name.
        first, second: names of the rows, with settings that tell them from others of the name.
        seeds: that both have.
        means: of `last` over these seeds.
        paired: their differences.
        gained, lost: classes that the first recipe recognises more and less often, the largest change first; empty without confusions.
        notes: what else differs between the rows.
    """

    scenario: str
    first: str
    second: str
    seeds: tuple[int, ...]
    means: tuple[float, float]
    paired: Paired
    gained: tuple[ClassChange, ...]
    lost: tuple[ClassChange, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """What `compare` found; `str` of it is for reading.

    Attributes:
        first, second: the names asked for.
        pairs: by scenario.
        pooled: over all pairs of (scenario, seed); None for one scenario.
    """

    first: str
    second: str
    pairs: tuple[Pair, ...]
    pooled: Paired | None

    def __str__(self) -> str:
        lines = [f"{self.first} minus {self.second}, last epoch, in points with the 95 % t interval of paired differences"]
        width = max(len(p.scenario) for p in self.pairs)
        for pair in self.pairs:
            a, b = (f"{100 * m:.1f}" for m in pair.means)
            lines.append(f"  {pair.scenario.ljust(width)}  {a} against {b}  {pair.paired}")
        if self.pooled is not None:
            lines += [f"  {'pooled'.ljust(width)}  {self.pooled}", "  Pooled is over these scenarios; it says nothing about others."]
        for pair in self.pairs:
            about = [f"  {note}" for note in pair.notes]
            for word, changes in (("gain", pair.gained), ("lose", pair.lost)):
                about += [f"  classes that {word}:"] if changes else []
                about += [f"    {c.name}  {100 * c.second:.0f} % -> {100 * c.first:.0f} % of {c.pictures} pictures" for c in changes]
            if about:
                lines += ["", f"{pair.scenario} ({pair.first} against {pair.second})", *about]
        return "\n".join(lines)


def compare(records: Iterable[Record], a: str, b: str) -> Comparison:
    """Compare two recipes on the scenarios and seeds that both were run on.

    Args:
        records: of any cells; failed ones do not count.
        a: a recipe's name, or one without its scenario for every scenario that both have. "name@key" is one row of several with
            different settings, `key` as the leaderboard has it. Without a key, rows that agree most in their settings are compared.
        b: another.

    Raises:
        UnknownName: a name that no finished cell has.
        DataError: no scenario, protocol and seed in common, or a row with itself.
    """
    rows, _ = rows_of(records)
    found = [_named(rows, name) for name in (a, b)]
    scenarios = sorted({r.scenario or "" for r in found[0]} & {r.scenario or "" for r in found[1]})
    pairs = []
    for scenario in scenarios:
        sides = [[r for r in side if (r.scenario or "") == scenario] for side in found]
        rivals = [(p, q) for p in sides[0] for q in sides[1] if p.key != q.key and p.protocol == q.protocol and set(p.seeds) & set(q.seeds)]
        if rivals:
            pairs.append(min(rivals, key=lambda pq: (_distance(*pq), pq[0].key, pq[1].key)) + (len(rivals),))
    if not pairs:
        raise DataError(
            f"{a!r} and {b!r} have no cell to pair: {_where(found[0])} against {_where(found[1])}. "
            "Run both on the same scenario with the same seeds; to compare two settings of one recipe, write name@key for each."
        )
    made = [_pair(*pair) for pair in pairs]
    differences = [p.values[s] - q.values[s] for p, q, _ in pairs for s in _common(p, q)]
    return Comparison(a, b, tuple(made), paired(differences) if len(made) > 1 else None)


def paired(differences: Sequence[float]) -> Paired:
    """Interval and paired t test of differences.

    Raises:
        DataError: no difference, or one that is not finite.
    """
    from scipy.stats import t

    s = summarise(differences)
    if s.spread is None:
        return Paired(s, None)
    error = s.spread / math.sqrt(s.n)
    if error < 1e-12:  # all the same, but for rounding
        return Paired(s, 1.0 if abs(s.mean) < 1e-12 else 0.0)
    return Paired(s, float(2 * t.sf(abs(s.mean) / error, s.n - 1)))


def class_changes(first: np.ndarray, second: np.ndarray, names: Sequence[str]) -> tuple[tuple[ClassChange, ...], tuple[ClassChange, ...]]:
    """Classes that gain and that lose most, at most `SHOWN` of each, of two confusions (K, K) of counts with the same rows' sums."""
    pictures = second.sum(1)
    recalls = [np.diag(m) / np.maximum(m.sum(1), 1) for m in (first, second)]
    change = recalls[0] - recalls[1]
    order = sorted(range(len(names)), key=lambda k: (-change[k], k))
    made = {k: ClassChange(names[k], float(recalls[0][k]), float(recalls[1][k]), int(pictures[k])) for k in order}
    gained = tuple(made[k] for k in order if change[k] > 0)[:SHOWN]
    lost = tuple(made[k] for k in sorted(order, key=lambda k: (change[k], k)) if change[k] < 0)[:SHOWN]
    return gained, lost


def _named(rows: Sequence[Row], text: str) -> list[Row]:
    name, _, key = text.partition("@")
    found = [r for r in rows if name in (r.name, r.base) and r.key.startswith(key)]
    if found:
        return found
    known = sorted({r.name for r in rows} | {r.base for r in rows})
    if name in known:
        keys = ", ".join(f"{r.key} ({r.settings or r.name})" for r in rows if name in (r.name, r.base))
        raise UnknownName(f"No row of {name!r} has a key that starts with {key!r}; there are {keys}.")
    listed = f" There are results of {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}." if known else " There are no results."
    raise UnknownName(f"No finished cell is of {name!r}.{did_you_mean(name, known)}{listed}")


def _distance(p: Row, q: Row) -> tuple[int, int]:
    return -len(p.leaves & q.leaves), -len(_common(p, q))


def _common(p: Row, q: Row) -> list[int]:
    return sorted(set(p.seeds) & set(q.seeds))


def _pair(p: Row, q: Row, rivals: int) -> Pair:
    seeds = _common(p, q)
    xs, ys = ([row.values[s] for s in seeds] for row in (p, q))
    mine, other = p.confusion(seeds), q.confusion(seeds)
    gained: tuple[ClassChange, ...] = ()
    lost: tuple[ClassChange, ...] = ()
    if mine is not None and other is not None and mine[0] == other[0]:
        gained, lost = class_changes(mine[1], other[1], mine[0])
    first, second = (row.name + (f"@{row.key} ({row.settings})" if row.differs else "") for row in (p, q))
    return Pair(
        scenario=p.scenario or "own pictures",
        first=first,
        second=second,
        seeds=tuple(seeds),
        means=(math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)),
        paired=paired([x - y for x, y in zip(xs, ys, strict=True)]),
        gained=gained,
        lost=lost,
        notes=_notes(p, q, rivals),
    )


def _notes(p: Row, q: Row, rivals: int) -> tuple[str, ...]:
    notes = []
    if rivals > 1:
        notes.append(f"{rivals} pairs of settings were run; these agree most. Write name@key for others.")
    if p.identity.get("data") != q.identity.get("data"):
        notes.append("The pictures differ (other data, or another size).")
    for word, key in (("Versions", "plugins"), ("Settings", "settings")):
        mine, other = (flat(row.identity.get(key, {})) for row in (p, q))
        every = mine.keys() | other.keys() if key == "settings" else mine.keys() & other.keys()
        changed = [f"{k}={mine.get(k, '-')} against {other.get(k, '-')}" for k in sorted(every) if mine.get(k) != other.get(k)]
        if changed:
            notes.append(f"{word} differ: {', '.join(changed)}.")
    return tuple(notes)


def _where(rows: Sequence[Row]) -> str:
    return ", ".join(f"{r.name} (seeds {', '.join(map(str, r.seeds))})" for r in rows[:4]) + (", ..." if len(rows) > 4 else "")
