"""A plugin with a tiny backbone and a tiny GAN, so that these tests need no other distribution."""

from __future__ import annotations

import shutil
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch import nn

import dazoo.augmentations.plugin
import dazoo.bridges.plugin
import dazoo.registry.plugins
from dazoo import hookimpl
from dazoo.contracts import GAN
from dazoo.contracts import Ask
from dazoo.contracts import Backbone
from dazoo.contracts import Verdict
from dazoo.contracts.dataset import Dataset
from dazoo.models.create import create
from dazoo.models.model import Model
from dazoo.models.save import save


_saved: dict[str, bytes] = {}


class Tiny(Backbone):
    """One strided convolution, batch statistics, a tied weight and a buffer: what saving must get right."""

    fetches = ("pretrained",)

    def __init__(self, *, num_classes: int, in_channels: int = 3, width: int = 4, pretrained: bool = False) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels)
        if width < 1:
            raise ValueError(f"width is {width}; expected at least 1.")
        if pretrained:
            raise AssertionError("nothing may be downloaded")
        self.first = nn.Conv2d(in_channels, width, 5, stride=4)
        self.norm = nn.BatchNorm2d(width)
        self.mix = nn.Linear(width, width, bias=False)
        self.again = nn.Linear(width, width, bias=False)
        self.again.weight = self.mix.weight
        self.num_features = width
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(width, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.norm(self.first(x)).relu()  # (N, width, H / 4, W / 4)

    def pool(self, f: Tensor) -> Tensor:
        return self.drop(self.again(self.mix(f.mean(dim=(2, 3)))))


class Awkward(Tiny):
    """Looks at values while it is built, as some networks do for their drop rates, so it cannot be built without memory."""

    fetches = ()
    sketchable = False

    def __init__(self, *, num_classes: int, in_channels: int = 3) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels)
        self.rates = torch.linspace(0, 1, 3).tolist()


class TinyGAN(GAN):
    """One linear layer each way."""

    takes = frozenset({"code"})
    num_critic_features = 4

    def __init__(self, *, channels: int, size: int, num_classes: int, code_size: int = 0, gain: float = 1.0, noise: int = 4) -> None:
        super().__init__(channels=channels, size=size, num_classes=num_classes, code_size=code_size)
        self.gain, self.noise_size = gain, noise
        self.generator = nn.Linear(code_size + noise, channels * size * size)
        self.critic = nn.Linear(channels * size * size, 4)

    def groups(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def generate(self, ask: Ask) -> Tensor:
        code = torch.cat([ask.code, self.draw(len(ask), ask.code.device)], 1)
        return torch.tanh(self.gain * self.generator(code)).view(-1, self.channels, self.size, self.size)

    def judge(self, images: Tensor, labels: Tensor | None = None) -> Verdict:
        f = self.critic(images.flatten(1))
        return Verdict(images, (f.sum(1),), f)


class Left(Dataset):
    classes = ("stop", "give way", "no entry")
    terms = 'free for "research" | and: nothing\nelse'


@hookimpl
def dazoo_register_backbones(register) -> None:
    register("tiny", "zoo_test_parts:Tiny")
    register("awkward", "zoo_test_parts:Awkward")
    register("broken", "zoo_test_parts:NoClass")


@hookimpl
def dazoo_register_gans(register) -> None:
    register("tinygan", "zoo_test_parts:TinyGAN")


@hookimpl
def dazoo_register_methods(register) -> None:
    register("source", "dazoo.contracts:Method")


@hookimpl
def dazoo_register_datasets(register) -> None:
    register("left", "zoo_test_parts:Left")
    register("right", "zoo_test_parts:Left")


@hookimpl
def dazoo_register_scenarios(register) -> None:
    register("left2right", "dazoo.contracts.dataset:Scenario", source="left", target="right", settings={"size": 24, "channels": 3})


@hookimpl
def dazoo_register_entries(register) -> None:
    register("tiny-tinygan-left2right", "zoo_test_entries:entries/shipped")
    register("tiny-source-left2right", "zoo_test_entries:entries/shipped", sha256="0" * 64)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[types.ModuleType]:
    """The plugin, as the only one installed; the package of its entries is in `tmp_path / "site"`."""
    module = types.ModuleType("zoo_test_parts")
    for thing in (Tiny, Awkward, TinyGAN, Left):
        setattr(module, thing.__name__, thing)
    for name, thing in globals().items():
        if name.startswith("dazoo_register_"):
            setattr(module, name, thing)
    module.dazoo_api = 1
    monkeypatch.setitem(sys.modules, "zoo_test_parts", module)
    package = tmp_path / "site" / "zoo_test_entries"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.delitem(sys.modules, "zoo_test_entries", raising=False)
    plugins = dazoo.registry.plugins.Plugins(path=[], environ={})
    record = plugins.load(lambda: module, dist="dazoo-tiny", version="0.3")
    plugins.load(lambda: dazoo.bridges.plugin, dist="dazoo")
    plugins.load(lambda: dazoo.augmentations.plugin, dist="dazoo", entry_point="augmentations")
    assert record.error is None, record.traceback
    monkeypatch.setattr(dazoo.registry.plugins, "_zoo", plugins)
    yield module


@pytest.fixture
def model(parts: types.ModuleType) -> Model:
    """A GAN's recipe with batch statistics that are not the initial ones."""
    made = create("tiny-tinygan-left2right", seed=3)
    made.train()
    made(torch.rand(8, 3, 24, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    return made.eval()


@pytest.fixture
def folder(model: Model, tmp_path: Path) -> Path:
    """`model`, saved; written by `save` once, since waiting for the disk a hundred times is slow."""
    place = tmp_path / "saved"
    if not _saved:
        _saved.update({p.name: p.read_bytes() for p in save(model, tmp_path / "first").iterdir()})
        shutil.rmtree(tmp_path / "first")
    place.mkdir()
    for name, data in _saved.items():
        (place / name).write_bytes(data)
    return place
