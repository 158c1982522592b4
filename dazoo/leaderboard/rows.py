"""Records to rows: the runs of one recipe that differ in nothing but the seed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from typing import Any

import numpy as np

from dazoo.bench.cells import Record
from dazoo.bench.cells import digest
from dazoo.metrics.intervals import Summary
from dazoo.metrics.intervals import summarise
from dazoo.registry.names import KINDS


_PLACE = re.compile(r'File "[^"\n]*?((?:[^/\\"\n]+[/\\]){0,2}[^/\\"\n]+(?="))')
"""A file in a traceback; what is kept of it is the last three parts, which are the same on every machine."""


@dataclass(frozen=True)
class Cost:
    """What a run took: means over runs of `seconds` and `images_per_second`, the largest `memory` in bytes; None where not recorded."""

    seconds: float | None
    images_per_second: float | None
    memory: int | None


@dataclass(frozen=True)
class Failure:
    """A cell that ended with an error, or without a number. Files in the traceback have lost their leading folders."""

    name: str
    seed: int
    id: str
    kind: str
    message: str
    traceback: str = ""


@dataclass(frozen=True, eq=False)
class Row:
    """Finished runs of one recipe: same settings, pictures, protocol and versions, one run a seed.

    Attributes:
        key: hash of the identity without the seed, 12 hexadecimal digits.
        name: the recipe's.
        base: the name without its scenario.
        parts: names by kind.
        identity: of every run, without seed and recipe.
        records: of the runs, by seed, ascending; bare (see `_bare`).
        differs: what tells it from the other rows of that name and protocol, by "settings.lr" and the like; empty where it is the only one.
    """

    key: str
    name: str
    base: str
    parts: Mapping[str, str | None]
    identity: Mapping[str, Any]
    records: tuple[Record, ...]
    differs: Mapping[str, str] = field(default_factory=dict)

    @property
    def scenario(self) -> str | None:
        """Name of the scenario; None for a person's own pictures."""
        return self.parts["scenario"]

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
        return bool(self.records[0]["adapts"])

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
        return tuple(r["seed"] for r in self.records)

    @property
    def values(self) -> dict[int, float]:
        """Accuracy after the last epoch, by seed."""
        return {r["seed"]: float(r["numbers"]["last"]) for r in self.records}

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
        return tuple(sorted({str(v) for r in self.records if (v := r["numbers"].get("validator"))}))

    @property
    def pictures(self) -> tuple[int, ...]:
        """Numbers of target pictures that were counted; more than one only if a record was made by hand."""
        return tuple(sorted({int(n) for r in self.records if (n := r["numbers"].get("n_target"))}))

    @cached_property
    def cost(self) -> Cost:
        """Over runs."""
        costs = [r["cost"] for r in self.records]
        peaks = [m for c in costs if (m := c.get("device_memory") or c.get("memory"))]
        return Cost(_mean(costs, "seconds"), _mean(costs, "images_per_second"), max(peaks, default=None))

    @property
    def cut(self) -> int:
        """Runs whose batch was cut for lack of memory."""
        return sum(r["batch"].get("used") != r["batch"].get("asked") for r in self.records)

    def _summary(self, column: str) -> Summary | None:
        values = [r["numbers"].get(column) for r in self.records]
        if not all(_finite(v) for v in values):
            return None
        return self.last if values == list(self.values.values()) else summarise(values)


def rows_of(records: Iterable[Record]) -> tuple[list[Row], list[Failure]]:
    """Rows sorted by name and key, and the failed cells sorted by name and seed. The order of the records changes nothing.

    A cell that is there more than once counts once, as done if one of its records is. Done cells without a finite `last` count as failed.
    """
    cells: dict[str, Record] = {}
    identities: dict[str, Mapping[str, Any]] = {}
    for record in records:
        identity = {k: v for k, v in record["identity"].items() if k != "seed"}
        key = digest(identity)
        identities.setdefault(key, identity)
        bare, other = _bare(record, key), cells.get(record["id"])
        if other is None or _rank(bare) < _rank(other):
            cells[record["id"]] = bare
    groups: dict[str, list[Record]] = {}
    failures = []
    for record in cells.values():
        failure = _failure(record)
        if failure is not None:
            failures.append(failure)
        else:
            groups.setdefault(record["row"], []).append(record)
    rows = [_row(key, identities[key], sorted(group, key=lambda r: (r["seed"], r["id"]))) for key, group in groups.items()]
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


def _bare(record: Record, key: str) -> Record:
    """A record as rows keep it, so that very many fit into memory.

    Its row's key stands for the identity (`row`), `accuracies` for the epochs, names for the files, and an array (K, K) for the confusion.
    """
    kept = {k: v for k, v in record.items() if k not in ("identity", "epochs")}
    if record["status"] == "done":
        kept["accuracies"] = tuple(epoch.get("accuracy") for epoch in record["epochs"])
        kept["confusion"] = np.asarray(record["confusion"], np.int32)
        kept["files"] = tuple(record["files"])
    return {**kept, "row": key}


def _rank(record: Record) -> tuple[bool, int, str]:
    return record["status"] != "done", -record["attempts"], json.dumps(record, sort_keys=True, default=np.ndarray.tolist)


def _failure(record: Record) -> Failure | None:
    head = record["name"], record["seed"], record["id"]
    if record["status"] != "done":
        error = record.get("error") or {}
        return Failure(
            *head, str(error.get("type", "")), str(error.get("message", "")), _PLACE.sub(r'File "\1', str(error.get("traceback", "")))
        )
    if not _finite(record["numbers"].get("last")):
        return Failure(*head, "no number", f"The record says done, but its last accuracy is {record['numbers'].get('last')!r}.")
    return None


def _row(key: str, identity: Mapping[str, Any], records: list[Record]) -> Row:
    first = records[0]
    parts = {kind: first["recipe"].get(kind) for kind in KINDS}
    base = "-".join(p for kind in KINDS if kind != "scenario" and (p := parts[kind]))
    return Row(key, first["name"], base, parts, {k: v for k, v in identity.items() if k != "recipe"}, tuple(records))


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
    return [Row(r.key, r.name, r.base, r.parts, r.identity, r.records, differs.get(r.key, {})) for r in rows]


def _mean(costs: list[dict[str, Any]], key: str) -> float | None:
    values = [float(c[key]) for c in costs if _finite(c.get(key))]
    return math.fsum(values) / len(values) if values else None


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
