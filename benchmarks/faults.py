"""Faults at random times: what is lost, doubled or torn of a grid whose driver, workers, machines, disk or clock fail.

    python benchmarks/faults.py --trials 10                 every fault, with the local executor
    python benchmarks/faults.py --executor ray --trials 5   driver, worker, node and head of a Ray cluster of two nodes on this machine

A trial runs a grid of fake cells, breaks something at a random moment, gives the same command again until it ends well, and looks at
every cell. `disk` needs the right to mount a tmpfs; `clock` moves Python's clock and the files' times back, in the driver and its cells.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import nullcontext
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from rich.progress import track

from benchmarks import fake
from dazoo.bench.driver import Driver
from dazoo.bench.stores import open_store
from dazoo.registry.plugins import zoo


ROOT = Path(__file__).parents[1]
GRID = {"count": 12, "steps": 10, "sleep": 0.05}
ADDRESS = "127.0.0.1:6399"
RAY = str(Path(sys.executable).with_name("ray"))
CLOCK = """
import time
real, start = time.time, time.monotonic()
time.time = lambda: real() - (3600 if time.monotonic() > start + {after} else 0)
"""


@dataclass
class Trial:
    """One grid in one folder, and the drivers that work on it."""

    folder: Path
    executor: str
    rng: random.Random
    grid: dict[str, Any] = field(default_factory=lambda: dict(GRID))
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def drive(self) -> subprocess.Popen[bytes]:
        wish = json.dumps([str(self.folder), self.executor, self.grid, self.settings])
        path = os.pathsep.join([*filter(None, [self.environment.get("PYTHONPATH")]), *sys.path])
        command = [sys.executable, "-m", "benchmarks.faults", "--drive", wish]
        environment = {**os.environ, **self.environment, "PYTHONPATH": path}
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self, seconds: float = 3.5) -> None:
        """Until a random moment of the run, whose cells take about `seconds`."""
        _until(lambda: bool(self.leases()))
        time.sleep(self.rng.uniform(0, seconds))

    def leases(self) -> list[Path]:
        return list((self.folder / "work").glob("*/lease"))

    def finish(self) -> None:
        for _ in range(5):
            if self.drive().wait(timeout=300) == 0:
                return


def driver(t: Trial) -> None:
    process = t.drive()
    t.wait()
    process.kill()
    process.wait()


def worker(t: Trial) -> None:
    """Processes of cells, one after another."""
    process = t.drive()
    for _ in range(3):
        t.wait(1.0)
        for lease in t.leases()[:1]:
            with suppress(OSError, ValueError):
                os.kill(json.loads(lease.read_text().partition("\n")[0])["pid"], signal.SIGKILL)
    process.wait(timeout=300)


def two_drivers(t: Trial) -> None:
    one, other = t.drive(), t.drive()
    t.wait()
    one.kill()
    one.wait()
    other.wait(timeout=300)


def disk(t: Trial) -> None:
    process = t.drive()
    t.wait()
    ballast = t.folder / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as out:
        while True:
            out.write(b"0" * 1024)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=20)
    process.kill()
    process.wait()
    ballast.unlink()


def clock(t: Trial) -> None:
    patch = t.folder / "patch"
    patch.mkdir()
    (patch / "sitecustomize.py").write_text(CLOCK.format(after=t.rng.uniform(0, 6)))
    t.environment["PYTHONPATH"] = str(patch)
    process = t.drive()
    t.wait()
    for file in (t.folder / "work").rglob("*"):
        with suppress(FileNotFoundError):
            os.utime(file, (time.time() - 7200, time.time() - 7200))
    t.wait(0.5)
    process.kill()
    process.wait()


def ray_worker(t: Trial) -> None:
    """The processes of Ray that host the cells' own (its agents are another matter: with one of them its node ends)."""
    process = t.drive()
    t.wait()
    _kill("ray::", without="Agent", some=t.rng)
    process.wait(timeout=300)


def node(t: Trial) -> None:
    """The second machine, which comes back after."""
    process = t.drive()
    t.wait()
    _kill(having=f"--node-name=second-{os.getpid()}")
    process.wait(timeout=300)
    _second_node()


def head(t: Trial) -> None:
    process = t.drive()
    t.wait()
    subprocess.run([RAY, "stop", "--force"], capture_output=True, check=False)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=20)
    process.kill()
    process.wait()
    _first_node()
    _second_node()


LOCAL = {"driver": driver, "worker": worker, "two_drivers": two_drivers, "disk": disk, "clock": clock}
CLUSTER = {"driver": driver, "worker": worker, "ray_worker": ray_worker, "node": node, "head": head}


def broken_cells(t: Trial) -> list[str]:
    """A plugin that raises in step 7, and a cell that leaks: each fails alone, and is kept with what it said."""
    good, raises, leaks = fake.cells(4), fake.cells(1, steps=9, **{"raise": 7}), fake.cells(1, steps=400, leak=0)
    made = zoo().executors.build("local", workers=2, memory=3 << 30)
    count = Driver(open_store(t.folder), made, trainer=fake.TRAINER).run([*good, *raises, *leaks])
    wrong = fake.faults(t.folder, good)
    for cell, error in ((raises[0], "step 7"), (leaks[0], "MemoryError")):
        record = open_store(t.folder).failure(cell.path)
        if error not in count.errors.get(cell.path, "") or record is None or record.error is None or not record.error.traceback:
            wrong.append(f"no record of {error}")
    return wrong


def run(name: str, fault: Callable[[Trial], Any], executor: str, trials: int) -> int:
    """Print what went wrong in so many trials, and count it."""
    wrong, since = [], time.monotonic()
    for number in track(range(trials), description=name, transient=True):
        with _folder(name == "disk") as folder:
            trial = Trial(folder, executor, random.Random(f"{name} {number}"))
            found = fault(trial)
            if found is None:
                trial.finish()
                found = fake.faults(folder, fake.cells(**trial.grid))
            wrong += [f"trial {number}: {f}" for f in found]
    cells = trials * (6 if fault is broken_cells else GRID["count"])
    seconds = time.monotonic() - since
    print(f"{executor:6} {name:13} {trials:3} trials, {cells:4} cells: {len(wrong)} lost, doubled or torn   ({seconds:.0f} s)", flush=True)
    for text in wrong:
        print(f"       {text}", flush=True)
    return len(wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executor", choices=["local", "ray"], default="local")
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--only", nargs="*", default=[], help="faults, by name")
    parser.add_argument("--drive", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.drive:
        folder, executor, grid, settings = json.loads(asked.drive)
        made = zoo().executors.build(executor, workers=2, **settings)
        sys.exit(bool(Driver(open_store(folder), made, trainer=fake.TRAINER).run(fake.cells(**grid)).errors))
    faults = CLUSTER if asked.executor == "ray" else {**LOCAL, "broken_cells": broken_cells}
    with _cluster() if asked.executor == "ray" else nullcontext():
        sys.exit(sum(run(n, f, asked.executor, asked.trials) for n, f in faults.items() if n in asked.only or not asked.only))


@contextmanager
def _cluster() -> Iterator[None]:
    """Two nodes of Ray on this machine, in place of whatever ran of Ray."""
    subprocess.run([RAY, "stop", "--force"], capture_output=True, check=False)
    os.environ |= {"RAY_ADDRESS": ADDRESS, "RAY_AUTH_MODE": "disabled"}
    _first_node()
    _second_node()
    try:
        yield
    finally:
        subprocess.run([RAY, "stop", "--force"], capture_output=True, check=False)


def _first_node() -> None:
    port = ADDRESS.rpartition(":")[2]
    _start("--head", f"--port={port}", "--include-dashboard=false")


def _second_node() -> None:
    _start(f"--address={ADDRESS}", f"--node-name=second-{os.getpid()}")


def _start(*options: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([RAY, "start", "--num-cpus=1", *options], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"ray start {' '.join(options)} failed:\n{done.stdout}{done.stderr}")


def _kill(begin: str = "", having: str = "", without: str = "\n", some: random.Random | None = None) -> None:
    """Processes by their command line; one of them where `some` is given."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if line.startswith(begin) and having in line and without not in line and int(place.name) != os.getpid():
                found.append(int(place.name))
    for pid in [some.choice(found)] if some and found else found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def _folder(small: bool) -> Iterator[Path]:
    """A new folder; a small one is a tmpfs of its own."""
    folder = Path(tempfile.mkdtemp(prefix="dazoo-faults-"))
    try:
        if small:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
        yield folder
    finally:
        if small:
            subprocess.run(["umount", "--lazy", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _until(happened: Callable[[], bool], seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while not happened() and time.monotonic() < ends:
        time.sleep(0.01)


if __name__ == "__main__":
    main()
