"""What config.json says of distributions decides ambiguous names, says what to install, and when golden numbers are compared again."""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from dazoo import hookimpl
from dazoo.errors import AmbiguousName
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError
from dazoo.models import provenance
from dazoo.models.gan_files import build_game
from dazoo.models.gan_files import save_gan
from dazoo.models.gan_model import GANModel
from dazoo.models.load import load
from dazoo.models.load import load_gan
from dazoo.models.model import Model
from dazoo.models.package import packed
from dazoo.models.provenance import versions
from dazoo.models.save import save
from dazoo.models.verify import verify
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo


PICTURE = np.zeros((24, 24, 3), np.uint8)


@hookimpl
def dazoo_register_backbones(register) -> None:
    register("tiny", "zoo_test_parts:Awkward")


@hookimpl
def dazoo_register_gans(register) -> None:
    register("tinygan", "zoo_test_parts:TinyGAN", gain=2.0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def rival(parts: types.ModuleType) -> None:
    """Another distribution that brings the same names."""
    hooks = {"dazoo_register_backbones": dazoo_register_backbones, "dazoo_register_gans": dazoo_register_gans}
    assert zoo().load(lambda: types.SimpleNamespace(dazoo_api=1, **hooks), dist="dazoo-rival", version="2.0").ok


def reinstall(monkeypatch: pytest.MonkeyPatch, code: object | None, version: str = "0.3") -> None:
    """Other plugins in place of the tests' own: none, or a module under another version."""
    import dazoo.augmentations.plugin
    import dazoo.bridges.plugin

    plugins = Plugins(path=[], environ={})
    if code is not None:
        assert plugins.load(lambda: code, dist="dazoo-tiny", version=version).ok
    plugins.load(lambda: dazoo.bridges.plugin, dist="dazoo")
    plugins.load(lambda: dazoo.augmentations.plugin, dist="dazoo", entry_point="augmentations")
    monkeypatch.setattr("dazoo.registry.plugins._zoo", plugins)


def test_an_ambiguous_name_means_what_the_model_was_saved_with(folder: Path, rival: None, tmp_path: Path) -> None:
    with pytest.raises(AmbiguousName, match="write 'dazoo-tiny:tiny' or 'dazoo-rival:tiny'"):
        zoo().backbones.get("tiny")
    model = load(folder)
    model.predict(PICTURE)
    assert model.recipe["backbone"] == "dazoo-tiny:tiny" and model.recipe["gan"] == "dazoo-tiny:tinygan"
    assert model.generate(2, seed=0).shape == (2, 3, 24, 24)
    assert model.name == "tiny-tinygan-left2right"
    again = load(save(model, tmp_path / "again"))  # and what is saved now says so itself
    assert again.recipe == model.recipe
    assert load(folder).config["plugins"] == {"dazoo": "0.1.0", "dazoo-tiny": "0.3"}


def test_a_missing_backbone_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reinstall(monkeypatch, None)
    with pytest.raises(UnknownName) as caught:
        load(folder)
    text = str(caught.value)
    assert "Unknown backbone 'tiny'" in text
    assert text.endswith("The model was saved with dazoo-tiny 0.3, which is not installed here: pip install dazoo-tiny.")


def test_a_missing_gan_is_told_when_it_is_asked_for(folder: Path, parts: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load(folder).config
    assert "dazoo-tiny" in config["plugins"]
    hooks = {name: thing for name, thing in vars(parts).items() if name.startswith("dazoo_register_") and "gan" not in name}
    reinstall(monkeypatch, types.SimpleNamespace(dazoo_api=1, **hooks), version="0.4")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = load(folder)
    model.predict(PICTURE)  # needs none
    with pytest.raises(UnknownName, match=r"Unknown gan 'tinygan'.*installed, in other versions: dazoo-tiny 0.3 \(here 0.4\)"):
        model.generate(2)


def test_a_gan_alone_says_what_to_install_and_is_compared(parts: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny, factor = parts.TinyGAN, [1.0]

    class Alone(tiny):
        def generate(self, ask):
            return factor[0] * torch.tanh(self.generator(self.draw(len(ask), self.device))).view(-1, self.channels, self.size, self.size)

    monkeypatch.setattr(parts, "TinyGAN", Alone)
    config = {"schema": 1, "name": "alone", "gan": "tinygan", "classes": [], "channels": 3, "size": 16}
    place = save_gan(GANModel(build_game(zoo(), config), config), tmp_path / "gan")
    assert verify(place).difference == 0
    reinstall(monkeypatch, parts, version="0.4")
    factor[0] = 0.5
    with pytest.warns(UserWarning, match="alone gives other pictures than when it was saved.*dazoo-tiny 0.3 then, 0.4 now"):
        load_gan(place)
    with pytest.raises(WeightsError, match="other pictures than when saved"):
        verify(place)
    reinstall(monkeypatch, None)
    with pytest.raises(UnknownName, match="Unknown gan 'tinygan'.*which is not installed here: pip install dazoo-tiny"):
        load_gan(place)


def test_a_plugin_that_a_variable_leaves_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reinstall(monkeypatch, None)
    zoo().only = {}
    monkeypatch.setattr(provenance, "_installed", lambda dist: "0.3")
    monkeypatch.setattr(provenance, "_brings_plugins", lambda dist: dist == "dazoo-tiny")
    with pytest.raises(UnknownName, match="dazoo-tiny is installed, but DAZOO_PLUGINS leaves it out"):
        load(folder)


def test_a_model_from_a_plugin_file(folder: Path, parts: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("dazoo.registry.plugins._zoo", Plugins(path=[], environ={}))
    import dazoo.bridges.plugin

    assert zoo().load(lambda: parts, dist="my-net", version="0+file.0123456789ab").ok
    assert zoo().load(lambda: dazoo.bridges.plugin, dist="dazoo").ok
    model = Model(load(folder).backbone, {"recipe": {"backbone": "tiny"}, "classes": ["a", "b", "c"], "channels": 3, "size": 24})
    place = save(model, tmp_path / "from a file")
    assert "start dazoo with --plugins-dir and its folder (0+file.0123456789ab)" in (place / "README.md").read_text()
    with packed(place, None) as package:
        assert any("plugin file my_net.py, which nobody can install" in p for p in package.problems)
    reinstall(monkeypatch, None)
    with pytest.raises(
        UnknownName, match="was saved with the plugin file my_net.py, which no package brings: start dazoo with --plugins-dir"
    ):
        load(place)


def test_what_is_missing_here_stays_on_record(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = load(folder).config["plugins"]
    recipe = {"backbone": "tiny", "gan": "elsewhere"}
    assert versions(recipe, {**known, "dazoo-else": "7"}) == {"dazoo": "0.1.0", "dazoo-else": "7", "dazoo-tiny": "0.3"}
    assert versions({"backbone": "tiny"}, {"dazoo-else": "7"}) == known


def test_another_version_with_the_same_numbers_is_compared_once(
    folder: Path, parts: types.ModuleType, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(folder)
    assert not cache.exists()  # the version is the one that it was saved with
    reinstall(monkeypatch, parts, version="0.4")
    calls = counted(monkeypatch)
    for _ in range(2):
        load(folder)
    assert calls == ["reference"] and len(list((cache / "verified").iterdir())) == 1
    reinstall(monkeypatch, parts, version="0.5")
    load(folder)
    assert len(calls) == 2


def test_another_version_with_other_numbers_warns_at_every_load(
    folder: Path, parts: types.ModuleType, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reinstall(monkeypatch, parts, version="0.4")
    monkeypatch.setattr(parts.Tiny, "forward_features", lambda self, x: torch.nn.functional.gelu(self.norm(self.first(x))))
    for _ in range(2):
        with pytest.warns(UserWarning, match="gives other logits than when it was saved.*dazoo-tiny 0.3 then, 0.4 now"):
            load(folder)
    with pytest.raises(WeightsError, match=r"other logits than when saved.*Install what it was saved with: dazoo-tiny 0.3 \(here 0.4\)"):
        verify(folder)
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_costs_a_comparison_and_no_more(
    folder: Path, parts: types.ModuleType, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.touch()  # a file where the folder would be
    reinstall(monkeypatch, parts, version="0.4")
    calls = counted(monkeypatch)
    for _ in range(2):
        load(folder)
    assert len(calls) == 2


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A word for every pass of a golden input."""
    calls: list[str] = []
    before: Callable[..., torch.Tensor] = Model.reference
    monkeypatch.setattr(Model, "reference", lambda self, images: (calls.append("reference"), before(self, images))[1])
    return calls
