"""A trainer that trains nothing, for testing the grid itself: it sleeps, remembers how far it was, and breaks when told to."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dazoo.bench.cells import Cell
from dazoo.bench.work import Job
from dazoo.bench.work import machine


TRAINER = "benchmarks.fake:train"
NAME = "fcn-source-synsigns"


def cells(count: int, **settings: Any) -> list[Cell]:
    """`count` cells with these settings of the fake: steps, sleep (s a step), raise, die, leak (the step in which to), and of `outcome`."""
    identity = {"recipe": NAME, "settings": {"batch": 32}, "data": "", "protocol": 1, "plugins": {}, "parts": settings}
    return [Cell(NAME, seed, settings, {**identity, "seed": seed}) for seed in range(count)]


def train(job: Job, folder: Path, cell: Path) -> Mapping[str, Any]:
    """Steps that sleep, counted in a file, so that a killed cell goes on where it was; then a record."""
    wish = job.settings
    folder.mkdir(parents=True, exist_ok=True)
    counter = folder / "steps"
    since = time.monotonic()
    leaked: list[bytearray] = []
    for step in range(counter.stat().st_size if counter.exists() else 0, wish.get("steps", 1)):
        if step == wish.get("raise"):
            raise ValueError(f"the plugin raised in step {step}")
        if step == wish.get("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        if step >= wish.get("leak", 1 << 30) and job.accumulate < wish.get("fits", 1 << 30):
            leaked.append(bytearray(b"x" * (64 << 20)))
        time.sleep(wish.get("sleep", 0.0))
        with counter.open("ab") as out:
            out.write(b".")
    (cell / "model.txt").write_text(f"{counter.stat().st_size} steps\n")
    found = outcome(job)
    return {**found, "cost": {**found["cost"], "seconds": round(time.monotonic() - since, 3)}}


def outcome(job: Job) -> dict[str, Any]:
    """What training would have found: some recipes are better than others, seeds differ. Settings say of how many epochs and classes."""
    accuracy = random.Random(job.name).uniform(0.3, 0.8) + random.Random(f"{job.name} {job.seed}").uniform(-0.03, 0.03)
    epochs, k = job.settings.get("epochs", 1), job.settings.get("classes", 2)
    backbone, method, scenario = job.name.split("-")
    scores = {name: accuracy / 3 for name in job.settings.get("validators", ("snd",))}
    return {
        "recipe": {"backbone": backbone, "gan": None, "method": method, "scenario": scenario},
        "adapts": method != "source",
        "batch": {"asked": 32, "used": 32 // job.accumulate},
        "machine": machine("cpu"),
        "cost": {"seconds": 100 + 900 * accuracy, "images_per_second": 1.0, "memory": 1, "device_memory": None},
        "numbers": {
            **{number: accuracy for number in ("source_only", "last", "chosen", "oracle")},
            **{"n_target": 100, "validator": "snd", "chosen_epoch": 0, "oracle_epoch": 0, "choices": scores},
        },
        "epochs": [{"accuracy": accuracy * (e + 1) / epochs, "scores": scores, "terms": {"task": accuracy / 7}} for e in range(epochs)],
        "classes": [f"class {i}" for i in range(k)],
        "confusion": [[50 * (i == j) for j in range(k)] for i in range(k)],
        "files": {},
    }


def faults(place: Path | str, wanted: Sequence[Cell]) -> list[str]:
    """What is wrong with the results of these cells: lost, doubled or torn ones, and rubbish that was left. Empty is good."""
    from dazoo.bench.store import open_store

    store = open_store(place)
    finished = store.finished()
    wrong = [f"lost: {c.path}" for c in wanted if c.path not in finished]
    wrong += [f"strange: {path}" for path in finished - {c.path for c in wanted}]
    steps = {c.path: c.settings.get("steps", 1) for c in wanted}
    for path in finished:
        record = store.record(path)
        text = store.file(record, "model.txt").decode()
        if record["status"] != "done" or not text.endswith("\n"):
            wrong.append(f"torn: {path}")
        elif int(text.split()[0]) != steps.get(path):  # two processes counted in one file
            wrong.append(f"doubled: {path}: {text.strip()} of {steps.get(path)}")
    wrong += [f"left: {p}" for p in Path(store.address, "cells").rglob(".*")]  # none where the store is no folder
    return wrong
