"""A cell in several processes: whoever of them dies, the cell ends in the same bits."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from dazoo.bench import plan
from dazoo.bench.driver import Driver
from dazoo.bench.fields import Batch
from dazoo.bench.local import LocalExecutor
from dazoo.bench.stores import open_store
from dazoo.registry.names import parse
from dazoo.registry.plugins import zoo


SETTINGS = {"epochs": 2, "steps_per_epoch": 25, "batch": 8, "size": 16, "backbone.width": 4}


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["cell", "member"])
def test_a_cell_in_two_processes_survives_the_death_of_either_kind(victim, tmp_path):
    cells = plan.plan_cells([(parse("fcn-source-synsigns", zoo()), 0, SETTINGS)], zoo())
    whole = _weights(cells, tmp_path / "whole")
    folder = tmp_path / "killed"
    killer = threading.Thread(target=_kill, args=(folder, victim), daemon=True)
    killer.start()
    assert _weights(cells, folder) == whole
    killer.join(1)
    assert (folder / "killed").exists(), "nobody was killed"


def _weights(cells, folder: Path) -> str:
    count = Driver(open_store(folder), LocalExecutor(1), processes=2).run(cells)
    assert count.done == 1 and not count.errors, count.errors
    record = open_store(folder).record(cells[0].path)
    assert record.batch == Batch(asked=8, used=4) and record.machine.processes == 2
    return record.files["model/model.safetensors"].sha256


def _kill(folder: Path, victim: str) -> None:
    """The process that holds the cell's lease, or one of those that it has started, after the first epoch."""
    while not list(folder.glob("work/*/run-1/checkpoints/step-*")):
        time.sleep(0.01)
    holder = json.loads(next(folder.glob("work/*/lease")).read_text().partition("\n")[0])["pid"]
    members = [p for p in _children(holder) if b"spawn_main" in Path(f"/proc/{p}/cmdline").read_bytes()]
    assert len(members) == 2
    os.kill(holder if victim == "cell" else members[1], signal.SIGKILL)
    (folder / "killed").touch()
    ends = time.monotonic() + 10
    while victim == "cell" and any(Path(f"/proc/{p}").exists() for p in members) and time.monotonic() < ends:
        time.sleep(0.01)


def _children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
