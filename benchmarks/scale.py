"""What the benchmark itself costs with very many cells: time a cell, memory, and how long the report takes.

    python benchmarks/scale.py --cells 100000 --executor local --workers 2     run them all: 10 ms of work each, the rest is overhead
    python benchmarks/scale.py --report-only 100000                            make their records only, then read and report them
    python benchmarks/scale.py --plan 2000                                     from a grid of real recipes to cells with their ids

Records are as large as those of real cells (6 epochs, 22 classes). The report's cost depends on them and not on how they came about.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.progress import MofNCompleteColumn
from rich.progress import Progress
from rich.progress import TimeRemainingColumn
from rich.progress import track

from benchmarks import fake
from dazoo.bench.assignment import Assignment
from dazoo.bench.cells import PROTOCOL
from dazoo.bench.cells import Cell
from dazoo.bench.driver import Count
from dazoo.bench.driver import Driver
from dazoo.bench.estimate import Pace
from dazoo.bench.plan import plan_cells
from dazoo.bench.stores import open_store
from dazoo.bench.work import peak_memory
from dazoo.engine.settings import Settings
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import zoo


SEEDS = 5
SLEEP = 0.01
"""Seconds of work in a cell; what it takes beyond them is overhead."""

VALIDATORS = ["batch_nuclear_norm", "dev", "entropy", "information_maximisation", "snd", "source_accuracy", "source_balanced_accuracy"]
WISH = {"sleep": SLEEP, "epochs": 6, "classes": 22, "validators": VALIDATORS}
"""Settings of the fake trainer."""


def cells(count: int) -> list[Cell]:
    """Five seeds a recipe; recipes of 20 methods, ten scenarios and as many backbones as it takes."""
    made = []
    for k in range(count):
        seed, recipe = k % SEEDS, k // SEEDS
        method = f"method{recipe % 20}" if recipe % 20 else "source"
        made_of = Recipe(backbone=f"net{recipe // 200}", method=method, scenario=f"s{recipe // 20 % 10}")
        identity = {
            **{
                "recipe": str(made_of),
                "seed": seed,
                "settings": asdict(Settings()),
                "arguments": {},
                "data": "d" * 64,
                "protocol": PROTOCOL,
            },
            "plugins": {f"dazoo{part}": "0.1.0" for part in ("", "-backbones", "-methods", "-signs")},
        }
        made.append(Cell(made_of, seed, WISH, json.loads(json.dumps(identity))))
    return made


def run(wanted: list[Cell], folder: Path, executor: str, workers: int) -> None:
    """Run the cells, and print what they took."""
    with _progress() as progress:
        bar, seen = progress.add_task(f"{executor}, {workers} workers", total=len(wanted)), [(0, time.monotonic())]

        def watch(count: Count) -> None:
            if count.done > seen[-1][0]:
                seen[1:] = [seen[1] if len(seen) > 1 else (count.done, time.monotonic()), (count.done, time.monotonic())]
                progress.update(bar, completed=count.done)

        before = peak_memory()
        made = zoo().executors.build(executor, workers=workers)
        count = Driver(open_store(folder), made, trainer=fake.TRAINER, watch=watch).run(wanted)
    (_, begun), (first, since), (done, until) = seen
    each = (until - since) / (done - first)
    say("cells", f"{count.done} finished, {len(count.errors)} failed, {1 / each:.1f} a second")
    say("overhead", f"{1000 * (workers * each - SLEEP):.1f} ms a cell of a worker's time ({1000 * each:.1f} ms a cell of wall time)")
    say("start", f"{since - begun:.1f} s until the first cell has ended")
    say("driver's memory", f"{peak_memory() / 2**20:.0f} MiB at most, {(peak_memory() - before) / 2**20:.0f} MiB more than before it ran")
    timed("same command again", lambda: Driver(open_store(folder), made, trainer=fake.TRAINER).run(wanted))


def write(wanted: list[Cell], folder: Path) -> None:
    """The records of cells that nobody ran."""
    for cell in track(wanted, "records", transient=True):
        place = folder / "cells" / cell.path
        place.mkdir(parents=True)
        (place / "cell.json").write_text(fake.outcome(Assignment(cell, "", "")).to_text())


def read(folder: Path) -> None:
    """Print what it takes to read and to report all records, each command in a process of its own."""
    store = open_store(folder)
    timed("records", lambda: sum(1 for _ in store.records()))
    timed("times of all cells", lambda: Pace(store.done(), ""))
    for command in ("report", "status"):
        seconds, peak = _command("bench", command, "--out", str(folder))
        say(f"dazoo bench {command}", f"{seconds:.1f} s, {peak / 2**20:.0f} MiB at most")
    for file in sorted(folder.glob("*.*")):
        say(file.name, f"{file.stat().st_size / 2**20:.1f} MiB")


def plan(count: int) -> None:
    """Print what it takes to plan real recipes; their pictures are drawn, so nothing is downloaded."""
    from dazoo.bench.grid import Grid
    from dazoo.bench.suite import Suite

    plugins = zoo()
    grid = Grid(backbones=("*",), gans=("*",), methods=("*",), scenarios=("synsigns",), triples=True, seeds=1)
    runs = Suite("scale", "", (grid,)).runs(plugins)
    some = runs[:: max(1, len(runs) // count)]
    plan_cells(some[:1], plugins)  # draws the pictures for their digest
    since = time.perf_counter()
    made = plan_cells(some, plugins)
    say("plan", f"{1000 * (time.perf_counter() - since) / len(made):.2f} ms a cell ({len(made)} of {len(runs)} recipes)")


def timed(what: str, call: Callable[[], Any]) -> None:
    since = time.perf_counter()
    call()
    say(what, f"{time.perf_counter() - since:.1f} s")


def say(what: str, text: str) -> None:
    print(f"{what:20} {text}", flush=True)


def _command(*words: str) -> tuple[float, int]:
    """Seconds and peak bytes of a `dazoo` command (VmHWM: what wait4 tells would include the process that it was forked from)."""
    code = (
        "import atexit, re, runpy; from pathlib import Path;"
        "atexit.register(lambda: print(*re.findall(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())));"
        "runpy.run_module('dazoo', run_name='__main__', alter_sys=True)"
    )
    since = time.perf_counter()
    said = subprocess.run([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, check=True, text=True).stdout
    return time.perf_counter() - since, 1024 * int(said.split()[-1])


def _progress() -> Progress:
    return Progress(*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn(), transient=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--executor", default="local")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--report-only", type=int, metavar="N", help="make N records instead of running cells")
    parser.add_argument("--plan", type=int, metavar="N", help="plan N real recipes, and do nothing else")
    asked = parser.parse_args()
    if asked.plan:
        plan(asked.plan)
        return
    folder = Path(tempfile.mkdtemp(prefix="dazoo-scale-"))
    try:
        if asked.report_only:
            write(cells(asked.report_only), folder)
        else:
            run(cells(asked.cells), folder, asked.executor, asked.workers)
        read(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
