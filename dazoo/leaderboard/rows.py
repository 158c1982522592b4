"""Records to rows: the runs of one recipe that differ in nothing but the seed."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from dazoo.bench.cells import digest
from dazoo.bench.record import Record
from dazoo.leaderboard.runs import Failure
from dazoo.leaderboard.runs import Run
from dazoo.metrics.intervals import Summary
from dazoo.metrics.intervals import summarise
from dazoo.registry.names import Recipe


@dataclass(frozen=True)
class MeanCost:
    """What a run took: means over runs of `seconds` and `images_per_second`, the largest `memory` in bytes; None where not recorded."""

    seconds: float | None
    images_per_second: float | None
    memory: int | None


@dataclass(frozen=True, eq=False)
class Row:
    """Finished runs of one recipe: same settings, pictures, protocol and versions, one run a seed.

    Attributes:
        key: hash of the identity without the seed, 12 hexadecimal digits.
        name: the recipe's.
        base: the name without its scenario.
        recipe: its parts.
        identity: of every run, without seed and recipe.
        runs: by seed, ascending.
        differs: what tells it from the other rows of that name and protocol, by "settings.lr" and the like; empty where it is the only one.
    """

    key: str
    name: str
    base: str
    recipe: Recipe
    identity: Mapping[str, Any]
    runs: tuple[Run, ...]
    differs: Mapping[str, str] = field(default_factory=dict)

    @property
    def scenario(self) -> str | None:
        """Name of the scenario; None for a person's own pictures."""
        return self.recipe.scenario

    @property
    def protocol(self) -> Any:
        """Version of how the numbers came about."""
        return self.identity.get("protocol")

    @cached_property
    def leaves(self) -> frozenset[tuple[str, str]]:
        """The identity as `flat` has it: what two rows have in common is their intersection."""
        return frozenset(flat(self.identity).items())

    @property
    def adapts(self) -> bool:
        """False for plain training on the source."""
        return bool(self.runs[0].adapts)

    @property
    def label(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What the recipe is called in every scenario: its name without scenario, and what differs beside the pictures."""
        return self.base, tuple((k, v) for k, v in self.differs.items() if k != "data")

    @property
    def settings(self) -> str:
        """`differs` as text."""
        return ", ".join(f"{k.removeprefix('settings.')}={v}" for k, v in self.differs.items())

    @property
    def seeds(self) -> tuple[int, ...]:
        """Ascending."""
        return tuple(run.seed for run in self.runs)

    @property
    def values(self) -> dict[int, float]:
        """Accuracy after the last epoch, by seed."""
        return {run.seed: last for run in self.runs if (last := run.numbers.last) is not None}  # a run without one is a failure, no row's

    @cached_property
    def last(self) -> Summary:
        """The headline: accuracy after the last epoch, over seeds."""
        return summarise(list(self.values.values()))

    @cached_property
    def chosen(self) -> Summary | None:
        """Accuracy of the epoch that a validator chose, over seeds; None where a run has none."""
        return self._summary("chosen")

    @cached_property
    def oracle(self) -> Summary | None:
        """Accuracy of the best epoch by target labels, over seeds: an upper bound, never a result; None where a run has none."""
        return self._summary("oracle")

    @property
    def validators(self) -> tuple[str, ...]:
        """Validators that chose."""
        return tuple(sorted({run.numbers.validator for run in self.runs if run.numbers.validator}))

    @property
    def pictures(self) -> tuple[int, ...]:
        """Numbers of target pictures that were counted; more than one only if a record was made by hand."""
        return tuple(sorted({run.numbers.n_target for run in self.runs if run.numbers.n_target}))

    @cached_property
    def cost(self) -> MeanCost:
        """Over runs."""
        costs = [run.cost for run in self.runs]
        peaks = [peak for cost in costs if (peak := cost.device_memory or cost.memory)]
        return MeanCost(_mean(c.seconds for c in costs), _mean(c.images_per_second for c in costs), max(peaks, default=None))

    @property
    def cut(self) -> int:
        """Runs whose batch was cut for lack of memory."""
        return sum(run.batch.used != run.batch.asked for run in self.runs)

    def confusion(self, seeds: Collection[int]) -> tuple[tuple[str, ...], np.ndarray] | None:
        """Classes and summed counts (K, K) int64 of the runs with these seeds; None where one has no matrix, or other classes."""
        runs = [run for run in self.runs if run.seed in seeds]
        counts = [run.confusion for run in runs if run.confusion is not None and run.classes == runs[0].classes]
        return (runs[0].classes, np.stack(counts).sum(axis=0, dtype=np.int64)) if len(counts) == len(runs) else None

    def _summary(self, column: str) -> Summary | None:
        values = [getattr(run.numbers, column) for run in self.runs]
        if None in values:
            return None
        return self.last if values == list(self.values.values()) else summarise(values)


def rows_of(records: Iterable[Record]) -> tuple[list[Row], list[Failure]]:
    """Rows sorted by name and key, and the failed cells sorted by name and seed. The order of the records changes nothing.

    A cell that is there more than once counts once, as done if one of its records is. Done cells without a finite `last` count as failed.
    """
    cells: dict[str, Run] = {}
    identities: dict[str, Mapping[str, Any]] = {}
    for record in records:
        identity = {k: v for k, v in record.identity.items() if k != "seed"}
        if "pictures" in identity:  # a person's own: `data` differs from seed to seed (see `dazoo.bench.plan.digests`)
            identity["data"] = identity.pop("pictures")
        key = digest(identity)
        identities.setdefault(key, identity)
        run, other = Run.of(record, key), cells.get(record.id)
        if other is None or run.rank() < other.rank():
            cells[record.id] = run
    groups: dict[str, list[Run]] = {}
    failures = []
    for run in cells.values():
        failure = run.failure()
        if failure is not None:
            failures.append(failure)
        else:
            groups.setdefault(run.row, []).append(run)
    rows = [_row(key, identities[key], sorted(group, key=lambda run: (run.seed, run.id))) for key, group in groups.items()]
    rows.sort(key=lambda row: (row.name, row.key))
    return _tell_apart(rows), sorted(failures, key=lambda f: (f.name, f.seed, f.id))


def flat(identity: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """{"settings.lr": "0.001"}: the leaves of nested mappings as text, by their path; digests are cut to 8 digits."""
    out: dict[str, str] = {}
    for key, value in identity.items():
        if isinstance(value, Mapping):
            out |= flat(value, f"{prefix}{key}.")
        elif f"{prefix}{key}" == "data":
            out["data"] = str(value)[:8]
        else:
            out[prefix + key] = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return out


def _row(key: str, identity: Mapping[str, Any], runs: list[Run]) -> Row:
    first = runs[0]
    base = str(replace(first.recipe, scenario=None))
    return Row(key, first.name, base, first.recipe, {k: v for k, v in identity.items() if k != "recipe"}, tuple(runs))


def _tell_apart(rows: list[Row]) -> list[Row]:
    """Rows with `differs` filled in where a name has several of one protocol."""
    names: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        names.setdefault((row.name, str(row.protocol)), []).append(row)
    differs: dict[str, dict[str, str]] = {}
    for same in names.values():
        if len(same) > 1:
            leaves = [flat(row.identity) for row in same]
            keys = sorted({k for leaf in leaves for k in leaf})
            told = [k for k in keys if len({leaf.get(k, "-") for leaf in leaves}) > 1]
            differs |= {row.key: {k: leaf.get(k, "-") for k in told} for row, leaf in zip(same, leaves, strict=True)}
    return [replace(row, differs=differs.get(row.key, {})) for row in rows]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
