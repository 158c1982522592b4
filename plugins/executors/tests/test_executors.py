"""The executors beside `local`: the contract kit, and what each adds to it."""

from __future__ import annotations

import pytest

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
