"""Carrying records over to a new protocol: only where a cell that ran again says that numbers did not move."""

from __future__ import annotations

from typing import Any

from benchmarks.renew import renewed
from dazoo.bench.cells import Cell
from dazoo.bench.record import Record
from tests.bench.synthetic import as_json


def record(name: str, seed: int, curve: list[float], protocol: int, **settings: Any) -> Record:
    return Record.from_json(as_json(name, seed, curve[-1], accuracies=curve, protocol=protocol, settings=settings), name)


def cell(found: Record) -> Cell:
    return Cell(found.recipe, found.seed, {}, {**found.identity, "protocol": 2})


def test_what_is_carried_over_and_what_is_not() -> None:
    old = [
        record("net-dann-a2b", 0, [0.1, 0.5], 1),
        record("net-dann-a2b", 1, [0.2, 0.6], 1),
        record("net-mcd-a2b", 0, [0.1, 0.4], 1),
        record("net-mcd-a2b", 1, [0.1, 0.3], 1),
        record("net-cdan-a2b", 0, [0.1, 0.7], 1),
        record("net-dann-c2d", 0, [0.3, 0.9], 1, lr=0.1),
    ]
    again = [record("net-dann-a2b", 0, [0.1, 0.5], 2), record("net-mcd-a2b", 0, [0.2, 0.4], 2)]
    cells = [cell(r) for r in old[:5]] + [cell(record("net-dann-c2d", 0, [0.3, 0.9], 1, lr=0.2))]
    kept, why = renewed(old, again, cells)
    assert set(kept) == {cells[0].path, cells[1].path, cells[2].path}
    assert [why[r.path].split(" ")[0] for r in old] == ["ran", "goes", "ran", "removed,", "removed,", "removed,"]
    assert "moved" in why[old[2].path] and "other numbers" in why[old[3].path]
    assert "did not run" in why[old[4].path] and "other settings" in why[old[5].path]
    carried = kept[cells[1].path]
    assert carried.identity["protocol"] == 2 and carried.numbers == old[1].numbers and carried.epochs == old[1].epochs
    assert Record.from_text(carried.to_text().encode(), "carried").numbers == old[1].numbers  # its id and its digest hold
