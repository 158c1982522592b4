"""Two tiny cells that must give what they gave, so that no number drifts while its id stays.

The network has no batch norm, and there are four steps: so rounding hardly grows. Measured on one machine, as the largest relative
difference of any loss term or score: other kernels (no oneDNN, no vector instructions) or two threads change it by at most 2e-3, torch 2.11
in place of 2.15 not at all; a learning rate that is 1 % higher by 2e-2 (DANN) and 9e-2 (GAN), so that a small change that no setting names
is seen as well.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from dazoo.bench.cells import Cell
from dazoo.bench.driver import Driver
from dazoo.bench.plan import plan_cells
from dazoo.bench.stores import open_store
from dazoo.registry.names import parse
from dazoo.registry.plugins import zoo
from tests.bench.test_bench_driver import Here


GOLDEN = Path(__file__).with_name("golden.json")
NAMES = ("lenet-dann-synsigns", "lenet-dcgan-synsigns")
SETTINGS = {"epochs": 2, "steps_per_epoch": 2, "batch": 32, "size": 32, "precision": "fp32", "backbone.bottleneck": 0}
RUN = "python -m tests.bench.test_bench_golden"

TOLERANCE = 5e-3
"""Of a loss term or a score, relative."""

PICTURES = 3.5
"""Of an accuracy: pictures that may fall to the other side."""

RATIO = "dev"
"""A score that is not compared: it divides by a variance that is nearly 0 after so few steps, so rounding alone changes it."""


def cells() -> list[Cell]:
    return plan_cells([(parse(name, zoo()), 0, SETTINGS) for name in NAMES], zoo())


def computed(folder: Path) -> dict[str, Any]:
    """By recipe what is compared, from cells that run here, on one thread of the processor."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        count = Driver(open_store(folder), Here(), device="cpu", weights=False).run(cells())
    finally:
        torch.set_num_threads(threads)
    assert not count.errors, count.errors
    found = {}
    for record in open_store(folder).records():
        epochs = [asdict(epoch) for epoch in record.epochs]
        for epoch in epochs:
            del epoch["scores"][RATIO]
        found[record.name] = {"identity": record.identity, "n_target": record.numbers.n_target, "epochs": epochs}
    return found


def changed(was: Any, now: Any, place: str = "") -> Iterator[str]:
    """Leaves of two JSON values that are not the same."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in {**was, **now}:
            yield from changed(was.get(key), now.get(key), f"{place}.{key}" if place else key)
    elif was != now:
        yield f"{place}: {was!r} became {now!r}"


def drifted(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Numbers of two cells that are further apart than rounding takes them."""
    few = PICTURES / was["n_target"]  # the source has as many test pictures
    for k, (old, new) in enumerate(zip(was["epochs"], now["epochs"], strict=True)):
        for kind in ("terms", "scores"):
            for name in {**old[kind], **new[kind]}:
                near = {"abs": few} if "accuracy" in name else {"rel": TOLERANCE, "abs": 1e-7}
                if name not in old[kind] or new[kind].get(name) != pytest.approx(old[kind][name], **near):
                    yield f"epoch {k}, {kind} {name}: {old[kind].get(name)} became {new[kind].get(name)}"
        if new["accuracy"] != pytest.approx(old["accuracy"], abs=few):
            yield f"epoch {k}, accuracy: {old['accuracy']} became {new['accuracy']}"


def test_the_ids_stand_for_what_they_stood_for():
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    found = [f"{c.name}: {line}" for c in cells() for line in changed(golden[c.name]["identity"], c.identity)]
    assert not found, "\n".join([*found, f"Every cell of these recipes has a new id and runs again. If that is meant, run: {RUN}"])


def test_the_numbers_are_what_they_were(tmp_path):
    golden, now = json.loads(GOLDEN.read_text(encoding="utf-8")), computed(tmp_path)
    found = [f"{name}: {line}" for name in NAMES for line in drifted(golden[name], now[name])]
    assert not found, "\n".join(
        [*found, f"Cells that were run before no longer compare. If that is meant, raise PROTOCOL in dazoo/bench/cells.py and run: {RUN}"]
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        GOLDEN.write_text(json.dumps(computed(Path(place)), indent=1) + "\n", encoding="utf-8")
    print(f"{GOLDEN} is written; 'git diff' says what has changed.")
