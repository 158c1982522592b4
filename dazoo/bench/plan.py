"""The cells of a suite with their ids, and how long they will take."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from dazoo.bench.cells import PROTOCOL
from dazoo.bench.cells import Cell
from dazoo.bench.cells import Record
from dazoo.plugins import Plugins
from dazoo.zoo.plan import digest_of_domains
from dazoo.zoo.plan import make_plan


def plan_cells(
    runs: Iterable[tuple[str, int, Mapping[str, Any]]], plugins: Plugins, data: str | os.PathLike[str] | None = None
) -> list[Cell]:
    """Cells of (recipe, seed, settings). The pictures are read once a scenario, for their digest.

    Raises:
        DataError: a data set is missing.
        SettingsError, UnknownName: see `make_plan`.
    """
    digests: dict[tuple[Any, ...], str] = {}
    cells = []
    for name, seed, settings in runs:
        plan = make_plan(plugins, name, seed=seed, settings=settings, data=data)
        if plan.pictures not in digests:
            digests[plan.pictures] = digest_of_domains(plan.load(plugins))
        identity = {**plan.identity(digests[plan.pictures]), "protocol": PROTOCOL}
        cells.append(Cell(name, seed, dict(settings), json.loads(json.dumps(identity))))
    return list({cell.path: cell for cell in cells}.values())


@dataclass(frozen=True)
class Measured:
    """What finished cells needed, for guessing what the coming ones will: seconds, and peak bytes of both memories."""

    seconds: float
    memory: int
    device_memory: int
    n: int


def measured(records: Iterable[Record]) -> dict[tuple[str, ...], Measured]:
    """By recipe, and by backbone and scenario: mean time and largest memory of finished cells."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for record in records:
        if record["status"] == "done":
            parts = record["recipe"]
            for key in ((record["name"],), (parts["backbone"], parts["scenario"])):
                groups.setdefault(key, []).append(record["cost"])
    return {
        key: Measured(
            fmean(c["seconds"] for c in costs),
            max(c["memory"] or 0 for c in costs),
            max(c["device_memory"] or 0 for c in costs),
            len(costs),
        )
        for key, costs in groups.items()
    }


def expected(cell: Cell, parts: Mapping[str, str | None], known: Mapping[tuple[str, ...], Measured]) -> Measured | None:
    """What this cell will probably need: as its recipe did, else as others with its backbone and scenario, else nobody knows."""
    return known.get((cell.name,)) or known.get((parts["backbone"] or "", parts["scenario"] or ""))
