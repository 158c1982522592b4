"""A trainer that trains nothing, for testing the grid itself: it sleeps, remembers how far it was, and breaks when told to."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dazoo.bench.assignment import Assignment
from dazoo.bench.cells import PROTOCOL
from dazoo.bench.cells import Cell
from dazoo.bench.fields import Batch
from dazoo.bench.fields import Cost
from dazoo.bench.fields import Epoch
from dazoo.bench.fields import Numbers
from dazoo.bench.record import Record
from dazoo.bench.work import this_machine
from dazoo.registry.names import Recipe


TRAINER = "benchmarks.fake:train"
RECIPE = Recipe(backbone="fcn", method="source", scenario="synsigns")


def cells(count: int, **settings: Any) -> list[Cell]:
    """`count` cells with these settings of the fake: steps, sleep (s a step), raise, die, leak (the step in which to), and of `outcome`."""
    identity = {"recipe": str(RECIPE), "settings": {"batch": 32}, "data": "", "protocol": PROTOCOL, "plugins": {}, "arguments": settings}
    return [Cell(RECIPE, seed, settings, {**identity, "seed": seed}) for seed in range(count)]


def train(assignment: Assignment, folder: Path, draft: Path) -> Record:
    """Steps that sleep, counted in a file, so that a killed cell goes on where it was; then a record."""
    wish = assignment.cell.settings
    folder.mkdir(parents=True, exist_ok=True)
    counter = folder / "steps"
    since = time.monotonic()
    leaked: list[bytearray] = []
    for step in range(counter.stat().st_size if counter.exists() else 0, wish.get("steps", 1)):
        if step == wish.get("raise"):
            raise ValueError(f"the plugin raised in step {step}")
        if step == wish.get("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        if step >= wish.get("leak", 1 << 30) and assignment.accumulate < wish.get("fits", 1 << 30):
            leaked.append(bytearray(b"x" * (64 << 20)))
        time.sleep(wish.get("sleep", 0.0))
        with counter.open("ab") as out:
            out.write(b".")
    (draft / "model.txt").write_text(f"{counter.stat().st_size} steps\n")
    found = outcome(assignment)
    return replace(found, cost=replace(found.cost, seconds=round(time.monotonic() - since, 3)))


def outcome(assignment: Assignment) -> Record:
    """What training would have found: some recipes are better than others, seeds differ. Settings say of how many epochs and classes."""
    cell, settings = assignment.cell, assignment.cell.settings
    accuracy = random.Random(cell.name).uniform(0.3, 0.8) + random.Random(f"{cell.name} {cell.seed}").uniform(-0.03, 0.03)
    epochs, k = settings.get("epochs", 1), settings.get("classes", 2)
    scores = {name: accuracy / 3 for name in settings.get("validators", ("snd",))}
    return Record(
        id=cell.id,
        name=cell.name,
        seed=cell.seed,
        recipe=cell.recipe,
        identity=cell.identity,
        adapts=cell.recipe.method != "source",
        attempts=assignment.attempts + 1,
        batch=Batch(32, 32 // assignment.accumulate),
        machine=this_machine("cpu"),
        cost=Cost(100 + 900 * accuracy, 1.0, 1, None),
        numbers=Numbers(accuracy, accuracy, accuracy, accuracy, 100, "snd", 0, 0, scores),
        epochs=tuple(Epoch(accuracy * (e + 1) / epochs, scores, {"task": accuracy / 7}) for e in range(epochs)),
        classes=tuple(f"class {i}" for i in range(k)),
        confusion=50 * np.eye(k, dtype=np.int32),
    )


def faults(place: Path | str, wanted: Sequence[Cell]) -> list[str]:
    """What is wrong with the results of these cells: lost, doubled or torn ones, and rubbish that was left. Empty is good."""
    from dazoo.bench.stores import open_store

    store = open_store(place)
    finished = store.finished()
    wrong = [f"lost: {c.path}" for c in wanted if c.path not in finished]
    wrong += [f"strange: {path}" for path in finished - {c.path for c in wanted}]
    steps = {c.path: c.settings.get("steps", 1) for c in wanted}
    for path in finished:
        record = store.record(path)
        text = store.file(record.place, "model.txt").decode()
        if not record.done or not text.endswith("\n"):
            wrong.append(f"torn: {path}")
        elif int(text.split()[0]) != steps.get(path):  # two processes counted in one file
            wrong.append(f"doubled: {path}: {text.strip()} of {steps.get(path)}")
    wrong += [f"left: {p}" for p in Path(store.address, "cells").rglob(".*")]  # none where the store is no folder
    return wrong
