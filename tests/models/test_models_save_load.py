"""What is saved comes back, the same bytes each time, and all or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from dazoo import drafts
from dazoo.errors import InvalidName
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError
from dazoo.models import save as save_module
from dazoo.models.create import create
from dazoo.models.load import load
from dazoo.models.model import Model
from dazoo.models.save import save
from dazoo.models.verify import verify


FILES = ["README.md", "config.json", "critic.safetensors", "generator.safetensors", "golden.safetensors", "model.safetensors"]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def same_weights(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    one, other = a.state_dict(), b.state_dict()
    return list(one) == list(other) and all(torch.equal(one[k], other[k]) for k in one)


def test_a_model_comes_back(model: Model, folder: Path) -> None:
    assert sorted(contents(folder)) == FILES
    again = load(folder)
    assert not again.training and same_weights(again.backbone, model.backbone)
    assert again.backbone.again.weight is again.backbone.mix.weight  # still tied
    assert (again.name, again.classes, again.size, again.channels) == (model.name, model.classes, 24, 3)
    assert again.card == (folder / "README.md").read_text()
    for name, part in model.gan_parts().items():
        assert same_weights(part, again.gan_parts()[name]), name
    assert torch.equal(again.generate(3, labels=1, seed=5), model.generate(3, labels=1, seed=5))
    assert again.config["plugins"]["dazoo-tiny"] == "0.3"


def test_every_way_to_name_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    for ref in (folder, str(folder), f"dir:{folder}", "dir:saved", Path("saved"), "./saved"):
        assert load(ref).size == 24
    with pytest.raises(UnknownName, match="dir:saved"):
        load("saved")  # a bare word is a name
    with pytest.raises(InvalidName, match="no folder that exists.*'hub:me/saved'"):
        load("me/saved")
    with pytest.raises(SettingsError, match="a folder has none"):
        load(folder, revision="main")
    with pytest.raises(SettingsError, match="device is 'gpu'"):
        load(folder, device="gpu")


def test_loading_and_drawing_leave_the_random_state_alone(folder: Path) -> None:
    state = torch.get_rng_state()
    load(folder).generate(1, labels=0, seed=1)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_same_model_gives_the_same_bytes(model: Model, folder: Path, tmp_path: Path) -> None:
    assert contents(save(model, tmp_path / "second")) == contents(folder)
    assert contents(save(load(folder), tmp_path / "third")) == contents(folder)
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}


def test_config_says_what_the_files_are(folder: Path) -> None:
    files = json.loads((folder / "config.json").read_text())["dazoo"]["files"]
    assert sorted(files) == [f for f in FILES if f.endswith(".safetensors")]
    for name, facts in files.items():
        data = (folder / name).read_bytes()
        assert facts == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_files_follow_the_umask(model: Model, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        made = save(model, tmp_path / "shared")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(p.stat().st_mode) for p in made.iterdir()} == {0o640}
    assert stat.S_IMODE(made.stat().st_mode) == 0o750


def test_a_model_without_its_gan(model: Model, tmp_path: Path) -> None:
    slim = load(save(model, tmp_path / "slim", gan=False, golden=False))
    assert sorted(contents(tmp_path / "slim")) == ["README.md", "config.json", "model.safetensors"]
    with pytest.raises(SettingsError, match="was saved without its generator"):
        slim.generate(1)
    save(slim, tmp_path / "again")  # and can be saved as it is
    with pytest.raises(WeightsError, match="no golden.safetensors"):
        verify(tmp_path / "slim")


def test_saving_over_a_model_replaces_it_and_over_anything_else_does_not(model: Model, folder: Path, tmp_path: Path) -> None:
    other = create("tiny-source-left2right", seed=9)
    save(other, folder)
    assert load(folder).name == "tiny-source-left2right" and "generator.safetensors" not in contents(folder)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "site") == ["saved"]  # nothing is left beside it
    mine = tmp_path / "thesis"
    mine.mkdir()
    (mine / "text.tex").write_text("years of work")
    with pytest.raises(WeightsError, match="holds something else than a saved model"):
        save(model, mine)
    assert (mine / "text.tex").read_text() == "years of work"
    with pytest.raises(WeightsError, match="is a file; name a folder"):
        save(model, mine / "text.tex")


@pytest.mark.parametrize("function", ["write_tensors", "config_text", "render_card", "digest_of", "drafts.to_disk"])
def test_a_disk_that_fills_up_leaves_the_old_model(model: Model, folder: Path, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    before = contents(folder)

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drafts if "." in function else save_module, function.removeprefix("drafts."), full)
    with pytest.raises(WeightsError, match="No space left on device. Nothing was changed there"):
        save(create("tiny-source-left2right"), folder, card={})
    assert contents(folder) == before
    assert sorted(p.name for p in folder.parent.iterdir()) == ["saved", "site"]


@pytest.mark.parametrize("fails", [1, 2])
def test_a_rename_that_fails_restores_the_old_model(model: Model, folder: Path, monkeypatch: pytest.MonkeyPatch, fails: int) -> None:
    before, calls, real = contents(folder), [], os.replace

    def replace(a: Path, b: Path) -> None:
        calls.append(a)
        if len(calls) == fails:
            raise OSError(13, "Permission denied")
        real(a, b)

    monkeypatch.setattr(save_module.os, "replace", replace)
    with pytest.raises(WeightsError, match="Permission denied"):
        save(create("tiny-source-left2right"), folder)
    assert contents(folder) == before


def test_weights_that_are_not_finite_are_not_saved(model: Model, tmp_path: Path) -> None:
    with torch.no_grad():
        model.backbone.head.bias[1] = torch.nan
    with pytest.raises(WeightsError, match="'head.bias' holds values that are not finite"):
        save(model, tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_verify_compares_the_golden_pair(model: Model, folder: Path, parts: object) -> None:
    assert verify(folder).difference <= 1e-5
    pair = load_file(folder / "golden.safetensors")
    with torch.no_grad():
        assert torch.allclose(model(pair["input"]), pair["logits"], atol=1e-5)
    forward = parts.Tiny.pool
    parts.Tiny.pool = lambda self, f: forward(self, f) + 1  # a plugin whose network has changed
    try:
        with pytest.raises(WeightsError, match="gives other logits than when saved"):
            verify(folder)
    finally:
        parts.Tiny.pool = forward


def test_an_entry_loads_by_name_from_its_package(model: Model, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "site" / "zoo_test_entries" / "entries" / "shipped")
    for name in ("tiny-tinygan-left2right", "dazoo-tiny:tiny-tinygan-left2right"):
        assert same_weights(load(name).backbone, model.backbone)
    with pytest.raises(WeightsError, match=r"config.json is altered: .*the entry says 0000"):
        load("tiny-source-left2right")


def test_names_without_weights(parts: object) -> None:
    with pytest.raises(
        UnknownName, match="is a recipe without trained weights here. Train it with 'dazoo train tiny-tinygan-source-left2right'"
    ):
        load("tiny-tinygan-source-left2right")
    with pytest.raises(UnknownName, match="Did you mean 'tiny-tinygan-left2right'.*Trained entries: tiny-source-left2right"):
        load("tiny-tinygan-left2rihgt")


def test_saved_settings_build_the_network_and_pretrained_weights_are_not_fetched_again(parts: object, tmp_path: Path) -> None:
    backbone = create("tiny", num_classes=2, width=7).backbone
    arguments = {"width": 7, "pretrained": True}
    config = {"recipe": {"backbone": "tiny"}, "classes": ["a", "b"], "channels": 3, "size": 32, "backbone_settings": arguments}
    made = Model(backbone, config)
    assert load(save(made, tmp_path / "seven")).backbone.num_features == 7


def test_half_precision_weights_load(model: Model, tmp_path: Path) -> None:
    again = load(save(model.half(), tmp_path / "half"))
    assert next(again.parameters()).dtype == torch.float32
    assert (tmp_path / "half" / "model.safetensors").stat().st_size < 2500
