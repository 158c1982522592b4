"""A device that is not there is told at once, with those that are."""

from __future__ import annotations

import pytest
import torch

from dazoo.engine.device import choose_device
from dazoo.engine.device import devices
from dazoo.engine.device import has_bf16
from dazoo.errors import SettingsError


NAMES = [
    "meta",
    "vulkan",
    "hpu",
    "privateuseone",
    "cuda:99",
    "cuda:-1",
    "cuda:x",
    "xpu:99",
    "mps:7",
    "cpu:5",
    "gpu",
    "GPU",
    "",
    " cpu",
    "tpu9",
]


@pytest.fixture
def only_cpu(monkeypatch):
    for module in (torch.cuda, torch.xpu, torch.backends.mps):
        monkeypatch.setattr(module, "is_available", lambda: False)


@pytest.mark.parametrize("name", [*NAMES, None, 0, 3.5])
def test_what_is_never_a_device(name):
    with pytest.raises(SettingsError, match=r"expected auto, cpu, cuda or cuda:N\..* can use here: cpu"):
        choose_device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "xpu", "mps"])
def test_a_machine_without_it(name, only_cpu):
    with pytest.raises(SettingsError, match=r"can use here: cpu\.$"):
        choose_device(name)


def test_what_every_machine_has(only_cpu):
    for name in ("auto", "cpu", torch.device("cpu")):
        assert choose_device(name) == torch.device("cpu")


def test_other_accelerators_are_taken_where_torch_has_them(only_cpu, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 2)
    assert devices() == ["cpu", "xpu", "xpu:0", "xpu:1", "mps", "mps:0"]
    assert choose_device("mps").type == "mps" and choose_device("xpu:1") == torch.device("xpu", 1)
    assert choose_device("auto").type == "cpu"
    assert not has_bf16(torch.device("mps"))


def test_more_processes_than_gpus(only_cpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr("dazoo.engine.device.launched", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert choose_device("auto") == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(SettingsError, match=r"'cuda:2'.*cuda:0, cuda:1"):
        choose_device("cuda")
