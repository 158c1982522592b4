"""The leaderboard: a pure function of the records, whatever their order. Only finished cells count; failed ones are listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dazoo.bench.comparing import of_record
from dazoo.bench.fields import Machine
from dazoo.bench.record import Record
from dazoo.leaderboard.ranking import Overall
from dazoo.leaderboard.ranking import over_scenarios
from dazoo.leaderboard.ranking import ranks_with_ties
from dazoo.leaderboard.rows import Row
from dazoo.leaderboard.rows import rows_of
from dazoo.leaderboard.runs import Failure
from dazoo.metrics.choosing import Candidate
from dazoo.metrics.choosing import Comparison
from dazoo.metrics.choosing import choose_among
from dazoo.metrics.intervals import Summary
from dazoo.metrics.intervals import paired_difference


@dataclass(frozen=True, eq=False)
class Standing:
    """A row and where it stands among the rows of its scenario.

    Attributes:
        row: the recipe's runs.
        rank: 1 is the best; rows that are not told apart from the best of their group share its rank; None for a single run.
        tied: another row has this rank.
        best: not told apart from the first rank's leader.
        gain: `last` minus that of source-only, paired by seed; None without partner, or where the row is source-only itself.
        partner: the source-only row, or None.
    """

    row: Row
    rank: int | None
    tied: bool
    best: bool
    gain: Summary | None
    partner: Row | None


@dataclass(frozen=True, eq=False)
class Section:
    """One scenario under one protocol, its rows sorted by mean, best first."""

    title: str
    scenario: str | None
    protocol: Any
    standings: tuple[Standing, ...]


@dataclass(frozen=True)
class Computed:
    """How many `cells` a kind of machine has computed, which `text` names: "cuda, bf16, 4 threads, Linux x86_64, Python 3.11.7"."""

    text: str
    cells: int


@dataclass(frozen=True, eq=False)
class Board:
    """All that the records say.

    Attributes:
        sections: sorted by scenario and protocol.
        overall: rankings over scenarios.
        failures: cells without a number.
        machines: sorted by text.
        unlabelled: cells on a person's own pictures whose target has no labels, compared by label-free scores, for each target.
        done: finished cells.
    """

    sections: tuple[Section, ...]
    overall: tuple[Overall, ...]
    failures: tuple[Failure, ...]
    machines: tuple[Computed, ...]
    done: int
    unlabelled: tuple[Comparison, ...] = ()


def leaderboard(records: Iterable[Record]) -> Board:
    """Rank what the records hold. See `dazoo.bench.record` for a record, `rows` and `ranking` for the rules."""
    loose: list[Candidate] = []
    rows, failures = rows_of(_counted(records, loose))
    sections: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        sections.setdefault((row.scenario or "", str(row.protocol)), []).append(row)
    protocols = {row.protocol for row in rows}
    made = tuple(_section(group, len(protocols) > 1) for _, group in sorted(sections.items()))
    done = sum(len(row.runs) for row in rows) + len(loose)
    return Board(made, tuple(over_scenarios(rows)), tuple(failures), _machines(rows), done, _compared(loose))


def _counted(records: Iterable[Record], loose: list[Candidate]) -> Iterator[Record]:
    """The records whose right answers were counted; finished ones without target labels go into `loose`."""
    for record in records:
        if record.done and record.numbers.last is None and record.judged is not None:
            loose.append(of_record(record, record.path))
        else:
            yield record


def _compared(loose: Iterable[Candidate]) -> tuple[Comparison, ...]:
    groups: dict[tuple[Any, ...], list[Candidate]] = {}
    for one in sorted(loose, key=lambda c: c.name):
        groups.setdefault((one.seen.pictures, one.classes, one.validator), []).append(one)
    return tuple(choose_among(group) for _, group in sorted(groups.items()))


def partner_of(row: Row, plain: Sequence[Row]) -> Row | None:
    """The source-only row to compare with: same backbone, scenario, protocol, pictures, and versions of what both use.

    Among several, the one that has the most settings in common, then the most seeds. None where there is none with a common seed.

    Args:
        row: an adapting recipe's.
        plain: source-only rows.
    """
    good = [p for p in plain if _comparable(row, p) and set(p.seeds) & set(row.seeds)]
    if len(good) < 2:
        return good[0] if good else None
    return min(good, key=lambda p: (-len(row.leaves & p.leaves), -len(set(p.seeds) & set(row.seeds)), p.name, p.key))


def _comparable(row: Row, plain: Row) -> bool:
    mine, other = row.identity, plain.identity
    versions = mine.get("plugins", {}), other.get("plugins", {})
    return (
        row.recipe.backbone == plain.recipe.backbone
        and row.scenario == plain.scenario
        and row.protocol == plain.protocol
        and mine.get("data") == other.get("data")
        and all(versions[0][d] == versions[1][d] for d in versions[0].keys() & versions[1].keys())
    )


def _section(rows: list[Row], several_protocols: bool) -> Section:
    rows = sorted(rows, key=lambda row: (-row.last.mean, row.name, row.key))
    ranks = ranks_with_ties(rows)
    holders = Counter(rank for rank, _ in ranks if rank is not None)
    plain: dict[str, list[Row]] = {}
    for row in rows:
        if not row.adapts:
            plain.setdefault(row.recipe.backbone, []).append(row)
    standings = []
    for row, (rank, best) in zip(rows, ranks, strict=True):
        partner = partner_of(row, plain.get(row.recipe.backbone, ())) if row.adapts else None
        gain = paired_difference(row.values, partner.values) if partner else None
        standings.append(Standing(row, rank, rank is not None and holders[rank] > 1, best, gain, partner))
    first = rows[0]
    title = first.scenario or "own pictures"
    return Section(title + (f" (protocol {first.protocol})" if several_protocols else ""), first.scenario, first.protocol, tuple(standings))


def _machines(rows: Sequence[Row]) -> tuple[Computed, ...]:
    counts = Counter(_described(run.machine) for row in rows for run in row.runs)
    return tuple(Computed(text, n) for text, n in sorted(counts.items()))


def _described(machine: Machine) -> str:
    threads = machine.threads
    parts = (
        machine.device,
        machine.precision,
        f"{machine.processes} processes" if machine.processes > 1 else "",
        f"{threads} thread{'s' * (threads > 1)}" if threads else "",
        machine.platform,
        f"Python {machine.python}" if machine.python else "",
        *(f"{name} {version}" for name, version in sorted(machine.versions.items())),
    )
    return ", ".join(part for part in parts if part)
