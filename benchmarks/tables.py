"""Train the rows of a results table and print it: several seeds a row, the same settings for every row.

    python benchmarks/tables.py signs --data DIR [--seeds 3] [--workers 2] [--only fcn-dann] [--out benchmarks/runs]

Every run is an ordinary `dazoo train` folder, so stopping and starting again continues, and finished runs are not run twice.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dazoo.evaluate.intervals import summarise


TABLES: dict[str, list[str]] = {
    "signs": [
        "fcn-source-gtsrb2india",
        "fcn-tent-gtsrb2india",
        "fcn-dann-gtsrb2india",
        "fcn-cdan-gtsrb2india",
        "fcn-mcd-gtsrb2india",
        "fcn-mean_teacher-gtsrb2india",
        "fcn-dcgan-gtsrb2india",
        "fcn-cyclegan-gtsrb2india",
    ],
    "china": [
        "fcn-source-gtsrb2china",
        "fcn-dann-gtsrb2china",
        "fcn-mean_teacher-gtsrb2china",
        "fcn-dcgan-gtsrb2china",
    ],
    "synthetic": [
        "fcn-source-gtsrb_synsigns2india",
        "fcn-mean_teacher-gtsrb_synsigns2india",
        "fcn-dcgan-gtsrb_synsigns2india",
    ],
    "digits": [f"lenet-{method}-{pair}" for pair in ("mnist2usps", "usps2mnist") for method in ("source", "dann", "cdan")],
}
"""Rows by table. The scenario brings the settings, so each row is what `dazoo train NAME` gives."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--data", help="folder of the data sets (or DAZOO_DATA)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/runs"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1, help="runs at a time, one thread each when more than one")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--report", action="store_true", help="print what is there, run nothing")
    options = parser.parse_args(arguments)
    rows = [name for name in TABLES[options.table] if options.only in name]
    jobs = [(name, seed) for seed in range(options.seeds) for name in rows]
    if not options.report:
        with ThreadPoolExecutor(options.workers) as pool:
            for name, seed, code in pool.map(lambda job: run(*job, options), jobs):
                print(f"{name} seed {seed}: {'done' if code == 0 else f'failed with {code}'}", file=sys.stderr)
    print(report(rows, options))


def run(name: str, seed: int, options: argparse.Namespace) -> tuple[str, int, int]:
    """One run in a process of its own."""
    folder = options.out / f"{name}-seed{seed}"
    if (folder / "model" / "config.json").exists():
        return name, seed, 0
    command = [sys.executable, "-m", "dazoo", "train", name, "--seed", str(seed), "--out", str(folder), "--no-source-only", "--quiet"]
    command += ["--data", options.data] if options.data else []
    environ = {**os.environ, "OMP_NUM_THREADS": "1"} if options.workers > 1 else dict(os.environ)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.log").open("a") as log:
        return name, seed, subprocess.run(command, stdout=log, stderr=log, env=environ, check=False).returncode


def report(rows: list[str], options: argparse.Namespace) -> str:
    """The table as Markdown: mean, half of the 95 % t interval, number of seeds, in per cent."""
    lines = ["| recipe | last epoch | chosen by validator | oracle | seconds | seeds |", "|---|---|---|---|---|---|"]
    for name in rows:
        found = [read(options.out / f"{name}-seed{seed}") for seed in range(options.seeds)]
        results = [r for r in found if r]
        if not results:
            lines.append(f"| {name} | not run | | | | 0 |")
            continue
        cells = [str(summarise([r[key] for r in results])).split(" (")[0] for key in ("last", "chosen", "oracle")]
        seconds = sum(r["seconds"] for r in results) / len(results)
        lines.append(f"| {name} | {' | '.join(cells)} | {seconds:.0f} | {len(results)} |")
    return "\n".join(lines)


def read(folder: Path) -> dict | None:
    """What a finished run's config says of its results."""
    file = folder / "model" / "config.json"
    return json.loads(file.read_text())["dazoo"]["results"] if file.exists() else None


if __name__ == "__main__":
    main()
