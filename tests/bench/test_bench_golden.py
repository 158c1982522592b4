"""Two tiny cells that must give what they gave, so that no number drifts while its id stays.

They run in a process that keeps to AVX2 and to MKL's compatible branch, because Adam's first steps follow the sign of a gradient, so
rounding grows: oneDNN's AVX-512 kernels change a loss term of the GAN's cell by 3e-2, as much as a learning rate that is 1 % higher
does, and MKL's by 3e-3. With the same kernels a processor with AVX-512 and one without differ by 1.2e-6.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
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

KERNELS = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE"}
"""What a process is told before it starts, so that it computes alike on every processor with AVX2."""

TOLERANCE = 1e-3
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


def written(path: Path) -> dict[str, Any]:
    """`computed` in a process of its own, which has the kernels of the golden file."""
    command = [sys.executable, "-m", "tests.bench.test_bench_golden", str(path)]
    subprocess.run(command, check=True, env={**os.environ, **KERNELS})
    return json.loads(path.read_text(encoding="utf-8"))


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


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"), reason="other kernels round otherwise")
def test_the_numbers_are_what_they_were(tmp_path):
    golden, now = json.loads(GOLDEN.read_text(encoding="utf-8")), written(tmp_path / "now.json")
    found = [f"{name}: {line}" for name in NAMES for line in drifted(golden[name], now[name])]
    assert not found, "\n".join(
        [*found, f"Cells that were run before no longer compare. If that is meant, raise PROTOCOL in dazoo/bench/cells.py and run: {RUN}"]
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        with tempfile.TemporaryDirectory() as place:
            Path(sys.argv[1]).write_text(json.dumps(computed(Path(place)), indent=1) + "\n", encoding="utf-8")
    else:
        written(GOLDEN)
        print(f"{GOLDEN} is written; 'git diff' says what has changed.")
