"""Leases: one holder, and none that outlives its process."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from dazoo import lease
from dazoo.lease import Lease
from dazoo.lease import LeaseHeld
from dazoo.lease import Watcher
from dazoo.lease import taken


def _takes(file: str, gate, queue) -> None:
    gate.wait()
    queue.put(Lease.take(Path(file)) is not None)


def test_of_several_processes_one_takes_it(tmp_path):
    context = multiprocessing.get_context("fork")
    gate, queue = context.Barrier(6), context.Queue()
    processes = [context.Process(target=_takes, args=(str(tmp_path / "lease"), gate, queue)) for _ in range(6)]
    for p in processes:
        p.start()
    assert sum(queue.get(timeout=30) for _ in processes) == 1
    for p in processes:
        p.join()


def test_it_is_given_back(tmp_path):
    with Lease.take(tmp_path / "a" / "lease"):
        assert Lease.take(tmp_path / "a" / "lease") is None
        assert not Watcher().stale(tmp_path / "a" / "lease")
    assert Lease.take(tmp_path / "a" / "lease") is not None


def test_the_lease_of_a_process_that_is_gone_is_stale_at_once(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=Lease.take, args=(tmp_path / "lease",))
    process.start()
    process.join()
    watcher = Watcher()
    assert watcher.stale(tmp_path / "lease")
    watcher.break_(tmp_path / "lease")
    watcher.break_(tmp_path / "lease")  # another watcher was faster
    assert not (tmp_path / "lease").exists() and not watcher.stale(tmp_path / "lease")


def test_a_recycled_process_number_does_not_keep_it_alive(tmp_path):
    (tmp_path / "lease").write_text(json.dumps({"machine": lease.machine(), "pid": os.getpid(), "born": "1"}) + "\n")
    assert Watcher().stale(tmp_path / "lease")


def test_another_machines_is_stale_when_it_no_longer_grows_and_no_clock_is_asked(tmp_path, monkeypatch):
    file = tmp_path / "lease"
    file.write_text(json.dumps({"machine": "elsewhere", "pid": 1, "born": "1"}) + "\n")
    os.utime(file, (0, 0))  # a date of long ago, or of a clock that was set back, means nothing
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    watcher = Watcher(patience=30)
    assert not watcher.stale(file)
    for _ in range(5):
        now[0] += 29
        with file.open("a") as out:
            out.write(".")
        assert not watcher.stale(file)
    now[0] += 31
    assert watcher.stale(file)


def test_it_grows_while_it_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.01)
    with Lease.take(tmp_path / "lease") as held:
        size = held.file.stat().st_size
        ends = time.monotonic() + 10
        while held.file.stat().st_size == size and time.monotonic() < ends:
            time.sleep(0.01)
        assert held.file.stat().st_size > size


def test_a_living_process_is_named_at_once(tmp_path):
    since = time.monotonic()
    with Lease.take(tmp_path / "lease"), pytest.raises(LeaseHeld, match=f"process {os.getpid()} on this machine"):
        taken(tmp_path / "lease")
    assert time.monotonic() - since < 5


def test_the_lease_of_a_process_that_is_gone_is_taken_over(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=Lease.take, args=(tmp_path / "lease",))
    process.start()
    process.join()
    with taken(tmp_path / "lease"):
        assert json.loads((tmp_path / "lease").read_text().partition("\n")[0])["pid"] == os.getpid()
    assert os.listdir(tmp_path) == []


def test_another_machines_is_taken_over_when_it_does_not_grow_and_refused_when_it_does(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.04)
    monkeypatch.setattr(lease, "Watcher", lambda: Watcher(patience=0.2))
    file = tmp_path / "lease"
    file.write_text(json.dumps({"machine": "elsewhere 1 2", "pid": 7, "born": "1"}) + "\n")
    real = time.sleep

    def grows(seconds: float) -> None:
        with file.open("a") as out:
            out.write(".")
        real(seconds)

    monkeypatch.setattr(lease.time, "sleep", grows)
    with pytest.raises(LeaseHeld, match="process 7 on elsewhere"):
        taken(file)
    monkeypatch.setattr(lease.time, "sleep", real)
    taken(file)
    file.write_text("")  # of a process that was killed before it wrote who it is
    taken(file)


def test_who_was_taken_for_gone_touches_the_new_holders_lease_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.01)
    with Lease.take(tmp_path / "lease"):
        Watcher().break_(tmp_path / "lease")
        mine = Lease.take(tmp_path / "lease")
        text = mine.file.read_text()
        time.sleep(0.1)
        assert mine.file.read_text() == text
    assert mine.file.read_text() == text


def test_it_is_no_program(tmp_path):
    with Lease.take(tmp_path / "lease") as held:
        assert not held.file.stat().st_mode & 0o111
