"""The executors beside `local`: the contract kit, and what each adds to it."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from benchmarks import fake
from dazoo.bench.driver import Driver
from dazoo.bench.stores import open_store
from dazoo.contracts import Job
from dazoo.errors import SettingsError
from dazoo.registry.plugins import zoo
from dazoo.testing import parametrize_with_contract


@parametrize_with_contract("plugin", ["dazoo-executors:ray", "dazoo-executors:submitit"])
def test_plugins(clause) -> None:
    clause()


@pytest.mark.slow
@parametrize_with_contract("executor", ["ray", "submitit"], settings={"submitit": {"cluster": "local"}})
def test_executors(clause, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path))
    clause()


@pytest.mark.slow
def test_ray_gets_one_function_for_all_cells(monkeypatch) -> None:
    import ray

    remote, made = ray.remote, []
    monkeypatch.setattr(ray, "remote", lambda *a, **k: made.append(k) or remote(*a, **k))
    executor = zoo().executors.build("ray", workers=1)
    for _ in range(2):
        outcomes = list(executor.run(Job(str(k), "", "json:dumps", {}) for k in range(2)))
        assert [o.error for o in outcomes] == [None, None]
    assert sum("max_calls" in options for options in made) == 1  # with GPUs there is another function, which asks for their size


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("ray", {"workers": -1}, "workers is -1"),
        ("ray", {"cpus": 0}, "cpus 0"),
        ("submitit", {"minutes": 0}, "minutes 0"),
        ("submitit", {"cluster": "local", "slurm_color": "blue"}, "slurm_color"),
        ("submitit", {"cluster": "nowhere"}, "nowhere"),
    ],
)
def test_wrong_settings(name, settings, message, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path))
    with pytest.raises(SettingsError, match=message):
        zoo().executors.build(name, **settings)


@pytest.mark.slow
def test_a_preempted_job_saves_is_queued_again_and_goes_on(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path / "cache"))
    executor = zoo().executors.build("submitit", workers=1, cluster="local")
    submit, handles = executor.slurm.submit, []
    executor.slurm.submit = lambda *arguments: handles.append(submit(*arguments)) or handles[-1]
    cells = fake.cells(1, steps=80, sleep=0.05)
    driver = Driver(open_store(tmp_path / "results"), executor, trainer=fake.TRAINER)
    thread = threading.Thread(target=driver.run, args=(cells,))
    thread.start()
    counter = tmp_path / "results" / "work" / cells[0].id / "run-1" / "steps"
    ends = time.monotonic() + 120
    while not (counter.exists() and counter.stat().st_size > 5) and time.monotonic() < ends:
        time.sleep(0.02)
    controller = handles[0]._process.pid  # it stands for Slurm, which signals the job's own process before it takes the machine away
    children = Path(f"/proc/{controller}/task/{controller}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGUSR2)
    thread.join(timeout=180)
    assert fake.faults(tmp_path / "results", cells) == []
    said = f"{handles[0].stdout()}{handles[0].stderr()}"
    assert len(handles) == 1 and "this job is preempted" in said and "Requeued job" in said
