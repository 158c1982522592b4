"""Cells an hour of this machine with one worker on one core and with two on two, and the ratio.

    python benchmarks/parallel.py [--cells 8] [--steps 40] [--rounds 2]

Both run the same real cells (source-only and DANN on drawn signs, one thread each), after a warm-up that is not counted.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from rich.progress import Progress

from dazoo.bench.cells import Cell
from dazoo.bench.driver import Count
from dazoo.bench.driver import Driver
from dazoo.bench.local import LocalExecutor
from dazoo.bench.plan import plan_cells
from dazoo.bench.stores import open_store
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import zoo


RECIPES = tuple(Recipe(backbone="fcn", method=method, scenario="synsigns") for method in ("source", "dann"))


def cells(count: int, steps: int) -> list[Cell]:
    settings = {"epochs": 1, "steps_per_epoch": steps}
    return plan_cells([(RECIPES[k % len(RECIPES)], k // len(RECIPES), settings) for k in range(count)], zoo())


def run(workers: int, count: int, steps: int) -> float:
    """Seconds of the cells with so many workers, on as many cores (so a cell has one thread)."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:workers])
    executor, wanted = LocalExecutor(workers), cells(count, steps)
    with tempfile.TemporaryDirectory() as folder, Progress(transient=True) as progress:
        bar = progress.add_task(f"{workers} at a time", total=count)
        _drive(executor, cells(workers, 1), Path(folder, "warm"))
        since = time.perf_counter()
        _drive(executor, wanted, Path(folder, "timed"), lambda count: progress.update(bar, completed=count.done))
        return time.perf_counter() - since


def _drive(executor: LocalExecutor, wanted: list[Cell], folder: Path, watch: Callable[[Count], None] = lambda count: None) -> None:
    errors = Driver(open_store(folder), executor, weights=False, watch=watch).run(wanted).errors
    if errors:
        sys.exit(f"cells failed: {errors}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--workers", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.workers:
        print(run(asked.workers, asked.cells, asked.steps))
        return
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("This needs two cores.")
    ratios = []
    for _ in range(asked.rounds):  # in turn: what else the machine does hits both
        hourly = []
        for workers in (1, 2):
            options = ["--workers", str(workers), "--cells", str(asked.cells), "--steps", str(asked.steps)]
            said = subprocess.run([sys.executable, __file__, *options], stdout=subprocess.PIPE, check=True, text=True).stdout
            hourly.append(3600 * asked.cells / float(said.split()[-1]))
        ratios.append(hourly[1] / hourly[0])
        print(f"1 worker {hourly[0]:6.0f} cells/h   2 workers {hourly[1]:6.0f} cells/h   ratio {ratios[-1]:.2f}", flush=True)
    print(f"median ratio {median(ratios):.2f} ({asked.cells} cells of {asked.steps} steps, one thread each)")


if __name__ == "__main__":
    main()
