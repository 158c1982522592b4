"""The local executor keeps the contract, and gives each cell the GPUs that it wants."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest

from dazoo.bench import local
from dazoo.bench.local import LocalExecutor
from dazoo.contracts import Job
from dazoo.errors import ExecutorError
from dazoo.testing import parametrize_with_contract


@parametrize_with_contract("executor", ["local"])
def test_local(clause) -> None:
    clause()


class Ended:
    """In place of a process: one that has ended at once, and said which GPUs it saw, and beside whom."""

    seen: list[tuple[str, str]] = []
    beside: dict[str, set[str]] = {}
    running: set[str] = set()

    def __init__(self, job: Job, *, threads: int, environment: Mapping[str, str]) -> None:
        self.job = job
        self.seen.append((job.id, environment["CUDA_VISIBLE_DEVICES"]))
        self.beside[job.id] = set(self.running)
        self.running.add(job.id)
        self.sentinel, self._end = os.pipe()
        os.close(self._end)

    def outcome(self) -> Any:
        os.close(self.sentinel)
        self.running.remove(self.job.id)
        return self.job


@pytest.fixture
def two_gpus(monkeypatch) -> list[tuple[str, str]]:
    monkeypatch.setattr(local, "gpu_memory", lambda: {"0": 8 << 30, "1": 8 << 30})
    monkeypatch.setattr(local, "JobProcess", Ended)
    for name, empty in (("seen", []), ("beside", {}), ("running", set())):
        monkeypatch.setattr(Ended, name, empty)
    return Ended.seen


def test_small_cells_share_a_gpu_and_a_large_one_has_several_to_itself(two_gpus):
    small = [Job(f"small{i}", "", "", {}, device_memory=3 << 30) for i in range(4)]
    list(LocalExecutor(8).run([*small, Job("large", "", "", {}, devices=2), Job("last", "", "", {})]))
    assert Ended.beside["small3"] == {"small0", "small1", "small2"}
    assert Ended.beside["large"] == Ended.beside["last"] == set(), "each waits until its GPUs are free"
    seen = dict(two_gpus)
    assert sorted(seen[t.id] for t in small) == ["0", "0", "1", "1"]
    assert set(seen["large"].split(",")) == {"0", "1"} and seen["last"] in ("0", "1")


def test_what_has_no_room_on_the_emptiest_gpu_goes_to_another(two_gpus, monkeypatch):
    monkeypatch.setattr(local, "gpu_memory", lambda: {"0": 80 << 30, "1": 24 << 30})
    list(LocalExecutor(8).run([Job("known", "", "", {}, device_memory=8 << 30), Job("unknown", "", "", {})]))
    assert two_gpus == [("known", "0"), ("unknown", "1")] and Ended.beside["unknown"] == {"known"}


def test_more_gpus_than_there_are_end_the_grid_with_the_reason(two_gpus):
    with pytest.raises(ExecutorError, match="wants 3 GPUs, and this machine has 2"):
        list(LocalExecutor(2).run([Job("a", "title", "", {}, devices=3)]))
    assert two_gpus == []
