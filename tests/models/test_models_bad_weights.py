"""Folders that are broken, by accident or on purpose: each is a WeightsError that says what is wrong; none runs code."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from safetensors.torch import save_file

import dazoo.contracts
from dazoo.errors import DazooError
from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError
from dazoo.models.create import create
from dazoo.models.load import load
from dazoo.models.model import Model
from dazoo.models.save import save
from dazoo.models.verify import verify
from dazoo.registry.plugins import zoo
from dazoo.registry.registry import Registration


MODEL = "model.safetensors"


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    outer = json.loads((folder / "config.json").read_text())
    change(outer["dazoo"])
    (folder / "config.json").write_text(json.dumps(outer))


def promise(folder: Path, name: str = MODEL) -> None:
    """Let config.json vouch for the file as it is now, as a stranger's would."""
    data = (folder / name).read_bytes()
    facts = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    edit(folder, lambda c: c["files"].__setitem__(name, facts))


def retensor(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any], name: str = MODEL) -> None:
    tensors = load_file(folder / name)
    change(tensors)
    save_file(tensors, folder / name, metadata={"format": "pt"})
    promise(folder, name)


def rewrite(folder: Path, data: bytes, name: str = MODEL) -> None:
    (folder / name).write_bytes(data)
    promise(folder, name)


def header(text: bytes, tail: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text)) + text + tail


def instead(file: Path, make: Callable[[Path], Any]) -> None:
    """Put something else in a file's place."""
    file.unlink()
    make(file)


def flip(folder: Path) -> None:
    data = bytearray((folder / MODEL).read_bytes())
    data[-1] ^= 1
    (folder / MODEL).write_bytes(data)


def swap(folder: Path) -> None:
    (folder / MODEL).rename(folder / "weights.safetensors")


def pickled(folder: Path) -> None:
    (folder / MODEL).unlink()
    torch.save({}, folder / "pytorch_model.bin")


def double(folder: Path) -> None:
    data = (folder / MODEL).read_bytes()
    (folder / MODEL).write_bytes(data + data)


def wider(c: dict[str, Any]) -> None:
    c["backbone_settings"] = {"width": 10**6}  # a linear layer of 4 TB: refused before it is allocated


twice = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
files = {
    "missing": (lambda f: (f / MODEL).unlink(), "model.safetensors is missing, and config.json lists it"),
    "renamed": (swap, "weights.safetensors is unknown to dazoo in config.json"),
    "a pickle in its place": (pickled, "There is pytorch_model.bin, but dazoo reads no pickle"),
    "truncated": (lambda f: (f / MODEL).write_bytes((f / MODEL).read_bytes()[:-9]), "is truncated: [0-9]+ bytes, and config.json says"),
    "empty": (lambda f: (f / MODEL).write_bytes(b""), "is truncated: 0 bytes"),
    "over-large": (double, "is over-large"),
    "one bit flipped": (flip, "model.safetensors is altered: its sha256 is"),
    "a file more": (lambda f: (f / "extra.safetensors").write_bytes(b"x"), "extra.safetensors is unknown to dazoo"),
    "generator truncated": (lambda f: (f / "generator.safetensors").write_bytes(b"1234567890"), "generator.safetensors is truncated"),
    "another network's": (
        lambda f: retensor(f, lambda t: t.update({"body.0": t.pop("first.weight")})),
        "lacks 'first.weight'; it has 'body.0'",
    ),
    "another shape": (
        lambda f: retensor(f, lambda t: t.update({"head.bias": torch.zeros(4)})),
        r"'head.bias' with shape \[4\], .* has \[3\]",
    ),
    "another type": (
        lambda f: retensor(f, lambda t: t.update({"head.bias": torch.zeros(3).long()})),
        "'head.bias' as I64, and the network as",
    ),
    "a tensor more": (lambda f: retensor(f, lambda t: t.update(x=torch.zeros(1))), "has 'x', which the network lacks"),
    "not a number": (lambda f: retensor(f, lambda t: t["head.bias"].fill_(torch.nan)), "'head.bias' holds values that are not finite"),
    "no safetensors": (lambda f: rewrite(f, b"PK\x03\x04 and then some"), "is no safetensors file"),
    "endless header": (lambda f: rewrite(f, struct.pack("<Q", 2**60) + b"{}"), "header would be 1152921504606846976 bytes long"),
    "header that is a list": (lambda f: rewrite(f, header(b"[1, 2]")), "is no safetensors file"),
    "nested header": (lambda f: rewrite(f, header(b"[" * 100_000)), "is no safetensors file"),
    "a name twice": (lambda f: rewrite(f, header(twice, b"\0" * 4)), "a name stands in it twice"),
    "data missing": (lambda f: rewrite(f, (f / MODEL).read_bytes()[:-9]), "is no safetensors file"),
}
configs = {
    "no config": (lambda f: (f / "config.json").unlink(), "holds no config.json, so it is no saved model"),
    "cut short": (lambda f: (f / "config.json").write_text('{"dazoo": {'), "not the JSON that dazoo writes"),
    "not text": (lambda f: (f / "config.json").write_bytes(b"\xff\xfe\x00"), "not the JSON that dazoo writes"),
    "deep": (lambda f: (f / "config.json").write_text("[" * 200_000), "not the JSON that dazoo writes"),
    "another library's": (lambda f: (f / "config.json").write_text('{"architecture": "resnet18"}'), "config of another library"),
    "a key twice": (lambda f: (f / "config.json").write_text('{"dazoo": {"schema": 1, "schema": 1}}'), "a name stands in it twice"),
    "newer": (lambda f: edit(f, lambda c: c.update(schema=2)), "has schema 2.*pip install -U dazoo"),
    "unknown key": (lambda f: edit(f, lambda c: c.update(code="os.system")), "unknown key 'code'"),
    "lacking": (lambda f: edit(f, lambda c: c.pop("classes")), "lacks 'classes'; expected 2 to 100000"),
    "too many classes": (
        lambda f: edit(f, lambda c: c.update(classes=[str(i) for i in range(100_001)])),
        "'classes' is .*characters.*2 to 100000",
    ),
    "classes alike": (lambda f: edit(f, lambda c: c.update(classes=["a", "a", "b"])), "different class names"),
    "other class count": (
        lambda f: edit(f, lambda c: c.update(classes=["a", "b"])),
        r"'head.bias' with shape \[3\], and the network has \[2\]",
    ),
    "size": (lambda f: edit(f, lambda c: c.update(size=10**9)), "'size' is 1000000000; expected 8 to 4096"),
    "size true": (lambda f: edit(f, lambda c: c.update(size=True)), "'size' is True"),
    "channels": (lambda f: edit(f, lambda c: c.update(channels=7)), "'channels' is 7; expected 1 or 3"),
    "an import path": (lambda f: edit(f, lambda c: c["recipe"].update(backbone="os.system")), "'recipe' is .*registered names or null"),
    "a path as file": (
        lambda f: edit(f, lambda c: c["files"].update({"../x.safetensors": c["files"][MODEL]})),
        "'files' is .*of no other file",
    ),
    "no digest": (lambda f: edit(f, lambda c: c["files"][MODEL].pop("sha256")), "'files' is .*expected sha256"),
    "huge file": (lambda f: edit(f, lambda c: c["files"][MODEL].update(bytes=2**50)), "'files' is .*expected sha256 and bytes"),
    "huge width": (lambda f: edit(f, wider), "does not fit the backbone 'tiny'"),
    "bad width": (lambda f: edit(f, lambda c: c.update(backbone_settings={"width": -3})), "refuses the settings .*width is -3"),
    "infinite": (lambda f: (f / "config.json").write_text('{"dazoo": {"size": Infinity}}'), "holds Infinity"),
    "an endless integer": (lambda f: edit(f, lambda c: c.update(results={"last": 10**400})), "'results' is .*expected finite numbers"),
    "a pipe": (lambda f: instead(f / "config.json", os.mkfifo), "no ordinary file"),
    "a device": (
        lambda f: instead(f / "config.json", lambda p: p.symlink_to("/dev/zero")),
        "config.json is not the JSON .*no ordinary file",
    ),
    "large": (lambda f: (f / "config.json").write_bytes(b" " * (32 * 2**20 + 1)), "it has more than 33554432 bytes"),
    "a name with a newline": (lambda f: edit(f, lambda c: c.update(name="a\nb")), "'name' is"),
}


@pytest.mark.parametrize("what", files)
def test_bad_files(folder: Path, what: str) -> None:
    harm, message = files[what]
    harm(folder)
    with pytest.raises(WeightsError, match=message) as caught:
        load(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("what", configs)
def test_bad_configs(folder: Path, what: str) -> None:
    harm, message = configs[what]
    harm(folder)
    with pytest.raises(WeightsError, match=message):
        load(folder)


def test_no_folder_at_all(parts: object, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is not there; expected the folder of a saved model"):
        load(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(WeightsError, match="is a file; expected the folder"):
        load(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="no config.json"):
        load(tmp_path / "empty")


@pytest.mark.parametrize("ref", ["dir:" + "x" * 5000, "dir:~nobody-of-that-name/x", Path("a\0b")])
def test_a_path_that_is_none(parts: object, ref: str | Path) -> None:
    with pytest.raises(SettingsError, match="is longer than the file system allows|home folder in front is not known|is no path"):
        load(ref)


def test_parts_that_are_not_installed_or_broken(folder: Path) -> None:
    edit(folder, lambda c: c["recipe"].update(backbone="tinier"))
    with pytest.raises(UnknownName, match="Did you mean 'tiny'.*All that the model was saved with is installed, in the same versions"):
        load(folder)
    edit(folder, lambda c: c["recipe"].update(backbone="broken"))
    with pytest.raises(PluginError, match="cannot be imported"):
        load(folder)
    edit(folder, lambda c: (c["recipe"].update(backbone="tiny"), c.update(backbone_settings={"depth": 3})))
    with pytest.raises(SettingsError, match="depth"):
        load(folder)


def test_a_generator_that_does_not_fit_is_found_when_it_is_asked_for(folder: Path) -> None:
    retensor(folder, lambda t: t.pop("generator/bias"), "generator.safetensors")
    model = load(folder)
    model.predict(np.zeros((24, 24, 3), np.uint8))
    for _ in range(2):  # the second time too: no generator with random weights is left behind
        with pytest.raises(WeightsError, match="generator.safetensors does not fit the generator: it lacks 'generator/bias'"):
            model.generate(1)


def test_random_damage_never_escapes_as_another_error(folder: Path) -> None:
    """Flipped and cut bytes behind a digest that fits them: loads, or is dazoo's own error."""
    rng = np.random.default_rng(0)
    good = (folder / MODEL).read_bytes()
    refused = 0
    for _ in range(60):
        data = bytearray(good)
        for at in rng.integers(0, 700, rng.integers(1, 4)):
            data[at] = rng.integers(256)
        rewrite(folder, bytes(data[: rng.integers(1, len(data)) if rng.random() < 0.3 else None]).ljust(8, b"\0"))
        try:
            load(folder)
        except DazooError:
            refused += 1
    assert refused > 50


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("make", [os.mkfifo, lambda p: p.symlink_to("/dev/zero")])
def test_a_card_that_is_no_ordinary_file_is_not_read(folder: Path, make: Callable[[Path], None]) -> None:
    instead(folder / "README.md", make)
    assert "# tiny-tinygan-left2right" in load(folder).card


@pytest.mark.parametrize(
    "harm",
    [
        lambda t: t.update(input=t["input"].long()),
        lambda t: t.update(logits=t["logits"].long()),
        lambda t: t.update(input=t["input"][:0], logits=t["logits"][:0]),
        lambda t: t.update(input=t["input"][0]),
    ],
)
def test_a_golden_pair_of_another_kind(folder: Path, harm: Callable[[dict], None]) -> None:
    retensor(folder, harm, "golden.safetensors")
    with pytest.raises(WeightsError, match="is no golden pair"):
        verify(folder)


def test_a_missing_card_is_written_from_the_config(folder: Path) -> None:
    (folder / "README.md").unlink()
    assert "# tiny-tinygan-left2right" in load(folder).card


def test_a_network_that_cannot_be_sketched_is_checked_all_the_same(parts: object, tmp_path: Path) -> None:
    place = save(create("awkward", num_classes=3, seed=0), tmp_path / "awkward")
    assert load(place).backbone.rates == [0.0, 0.5, 1.0]
    retensor(place, lambda t: t.update({"head.bias": torch.zeros(4)}))
    with pytest.raises(WeightsError, match=r"'head.bias' with shape \[4\]"):
        load(place)


def test_a_network_that_is_not_declared_unsketchable_is_never_built_without_a_sketch(
    parts: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = save(create("awkward", num_classes=3, seed=0), tmp_path / "awkward")
    monkeypatch.setattr(parts.Awkward, "sketchable", True)
    with pytest.raises(WeightsError, match="config.json: the backbone 'awkward' with 3 classes refuses the settings .*meta tensor"):
        load(place)


@pytest.mark.parametrize("width", [2**40, 2**52, "x", 2.5, -1])
def test_what_the_meta_device_refuses_is_not_built_for_real(
    parts: types.ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, width: object
) -> None:
    """2**40 overflows the size of a weight, which torch reports as a RuntimeError; with memory it would fill the machine first."""
    where, init = [], parts.Tiny.__init__

    def watch(self: object, **arguments: object) -> None:
        where.append(torch.empty(0).device.type)
        init(self, **arguments)

    edit(folder, lambda c: c.update(backbone_settings={"width": width}))
    monkeypatch.setattr(parts.Tiny, "__init__", watch)
    with pytest.raises(WeightsError, match="the backbone 'tiny' with 3 classes refuses the settings .*'width'"):
        load(folder)
    assert where == ["meta"]


@pytest.mark.slow
def test_the_sketch_does_not_import_the_compiler() -> None:
    code = (
        "import sys, torch; from torch import nn; from dazoo.models.build import _NoDrawing\n"
        "with torch.device('meta'), _NoDrawing():\n"
        "    x = nn.Linear(3, 4).weight; nn.init.normal_(x); nn.init.trunc_normal_(x); nn.init.kaiming_normal_(x); torch.randn(2, 3)\n"
        "assert x.is_meta and 'torch._inductor' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def built_on(parts: types.ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """The devices on which a class is built from now on."""
    where, init = [], getattr(parts, name).__init__

    def watch(self: object, **arguments: object) -> None:
        where.append(torch.empty(0).device.type)
        init(self, **arguments)

    monkeypatch.setattr(getattr(parts, name), "__init__", watch)
    return where


@pytest.mark.parametrize("noise", [2**20, 2**60, "x", -9, 2.5])
def test_the_gan_of_a_stranger_is_sketched_before_it_is_built(
    parts: types.ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, noise: object
) -> None:
    """2**20 would be a generator of 7 GB beside a file of a few KB."""
    edit(folder, lambda c: c.update(gan_settings={"noise": noise}))
    model = load(folder)
    where = built_on(parts, monkeypatch, "TinyGAN")
    with pytest.raises(WeightsError, match="generator.safetensors does not fit|refuses {'gan_settings'|expected|noise"):
        model.generate(1, labels=0)
    assert where == ["meta"]


def test_a_large_size_in_the_config_costs_no_memory(parts: types.ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(folder, lambda c: c.update(size=4096))
    where = built_on(parts, monkeypatch, "TinyGAN")
    model = load(folder)
    with pytest.raises(WeightsError, match="does not fit the generator"):
        model.generate(1, labels=0)
    assert where == ["meta"]
    sizes = [len(batch) for batch in model._batches([np.zeros((24, 24, 3), np.uint8)] * 2, 64)]
    assert sizes == [1, 1]  # 64 of them would take 13 GB


def test_a_gan_that_the_meta_device_refuses_is_not_saved(parts: types.ModuleType, model: Any, tmp_path: Path, monkeypatch) -> None:
    init = parts.TinyGAN.__init__

    def reads(self: object, **arguments: object) -> None:
        init(self, **arguments)
        torch.zeros(1).item()

    monkeypatch.setattr(parts.TinyGAN, "__init__", reads)
    with pytest.raises(WeightsError, match="could not be loaded again, so it is not saved: .*meta"):
        save(model, tmp_path / "out")


def test_heads_of_a_method_are_sketched_before_they_are_built(parts: types.ModuleType, folder: Path, monkeypatch) -> None:
    where: list[str] = []

    class Heads(dazoo.contracts.Method):
        heads = ("judges",)

        def __init__(self, problem: Any, *, width: int = 4) -> None:
            super().__init__(problem)
            where.append(torch.empty(0).device.type)
            self.judges = torch.nn.Linear(width, problem.num_classes)

        def groups(self) -> dict[str, torch.nn.Module]:
            return {**super().groups(), "judges": self.judges}

        def answer(self, features: torch.Tensor) -> torch.Tensor:
            return self.judges(features)

    parts.Heads = Heads
    zoo().methods.add(Registration("method", "heads", "zoo_test_parts:Heads", dist="dazoo-tiny", version="0.3"))
    made = create("tiny-heads-left2right", seed=0)
    place = save(Model(made.backbone, made.config, method=Heads(made.problem())).eval(), folder.parent / "heads")
    assert load(place).method is not None
    for width in (2**20, 2**60, "x", -3):
        edit(place, lambda c, width=width: c.update(method_settings={"width": width}))
        where.clear()
        with pytest.raises(WeightsError, match="does not fit the heads of 'heads'|refuses {'method_settings'"):
            load(place)
        assert where == ["meta"]
