"""Carries records over to a new protocol where a cell that ran again gives the same numbers, and takes the new cell where it does not.

    python benchmarks/renew.py benchmarks/results again --data data

Whoever raises `PROTOCOL` runs some cells of a results folder again, into a folder of their own (`again`): at least one for each pair of
GAN and method, and all seeds of those whose numbers move. A record then goes on under its new id if the run that it describes has the same
settings, data and plugins today, and a cell of its GAN and method that ran again has the same accuracy after every epoch. Every other
record is removed, and every new cell takes the place of the old one. The script prints which record went which way, and why.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dazoo.bench.cells import Cell
from dazoo.bench.plan import plan_cells
from dazoo.bench.record import Record
from dazoo.bench.stores import open_store
from dazoo.registry.plugins import zoo


ALIKE = ("recipe", "seed", "settings", "data", "plugins")
"""What of an identity must be the same."""


def pair(record: Record) -> tuple[str | None, str | None]:
    """GAN and method."""
    return record.recipe.gan, record.recipe.method


def curve(record: Record) -> list[float | None]:
    """Accuracy on the target after every epoch."""
    return [epoch.accuracy for epoch in record.epochs]


def moved(old: Iterable[Record], again: Iterable[Record]) -> dict[tuple[str | None, str | None], bool]:
    """Whether the numbers of a GAN and method moved, by the cells that ran again; a pair that did not run again is not among them."""
    before = {(record.name, record.seed): curve(record) for record in old}
    found: dict[tuple[str | None, str | None], bool] = {}
    for record in again:
        if (record.name, record.seed) in before:
            found[pair(record)] = found.get(pair(record), False) or before[record.name, record.seed] != curve(record)
    return found


def renewed(old: Sequence[Record], again: Sequence[Record], cells: Iterable[Cell]) -> tuple[dict[str, Record], dict[str, str]]:
    """The records to keep by path, and what became of each old one, by its path.

    Args:
        old: the records as they are. again: the cells that ran again.
        cells: what the recipes and seeds of `old` are today.
    """
    today = {(cell.name, cell.seed): cell for cell in cells}
    verdicts, kept, why = moved(old, again), {record.path: record for record in again}, {}
    for record in old:
        cell, verdict = today[record.name, record.seed], verdicts.get(pair(record))
        differs = [key for key in ALIKE if record.identity.get(key) != cell.identity.get(key)]
        if cell.path in kept:
            why[record.path] = "ran again, " + ("its numbers moved" if verdict else "the same numbers")
        elif differs:
            why[record.path] = f"removed, other {', '.join(differs)}"
        elif verdict is None:
            why[record.path] = "removed, its GAN and method did not run again"
        elif verdict:
            why[record.path] = "removed, its GAN and method gave other numbers"
        else:
            kept[cell.path], why[record.path] = replace(record, id=cell.id, identity=cell.identity), f"goes on as {cell.id}"
    return kept, why


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of the old records; it is changed")
    parser.add_argument("again", type=Path, help="folder of the cells that ran again")
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    args = parser.parse_args()
    old, again = list(open_store(args.results).done()), list(open_store(args.again).done())
    kept, why = renewed(old, again, plan_cells([(r.recipe, r.seed, {}) for r in old], zoo(), args.data))
    for path, what in why.items():
        print(f"{path}: {what}")
    shutil.rmtree(args.results / "cells")
    for path, record in sorted(kept.items()):
        place = args.results / "cells" / path
        place.mkdir(parents=True)
        (place / "cell.json").write_text(record.to_text())


if __name__ == "__main__":
    main()
