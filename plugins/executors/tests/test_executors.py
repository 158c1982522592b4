"""The executors beside `local`: the contract kit, and what each adds to it."""

from __future__ import annotations

import pytest

from dazoo.contracts import Task
from dazoo.errors import SettingsError
from dazoo.plugins import zoo
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
        outcomes = list(executor.run(Task(str(k), "", "json:dumps", {}) for k in range(2)))
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
