"""`dazoo plugin new`: for every kind a distribution that loads, keeps its contracts and is listed; nothing is overwritten."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dazoo.data.scenario import load_scenario
from dazoo.errors import SettingsError
from dazoo.models.create import create
from dazoo.models.gan_files import build_game
from dazoo.models.gan_files import save_gan
from dazoo.models.gan_model import GANModel
from dazoo.models.save import save
from dazoo.models.verify import verify
from dazoo.registry import plugins as plugins_module
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo
from dazoo.templates import SUMMARIES
from dazoo.templates import Registered
from dazoo.templates import new_plugin
from dazoo.testing import check


CODE = [kind for kind in SUMMARIES if kind != "entry"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A saved model, as a run's folder holds it."""
    made = create("fcn-source-synsigns", size=16, seed=0, width=4)
    save(made, tmp_path / "run" / "model")
    return tmp_path / "run"


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Finds the plugin of a folder beside what is installed, in place of the process-wide plugins."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def find(folder: Path) -> Plugins:
        plugins = Plugins(environ={**os.environ, "DAZOO_PLUGINS_DIR": str(folder), "DAZOO_PLUGINS_STRICT": "1"}).discover()
        monkeypatch.setattr(plugins_module, "_zoo", plugins)
        return plugins

    yield find
    for name in [m for m in sys.modules if m.partition(".")[0].startswith("dazoo_pebble")]:
        del sys.modules[name]


def problems_of(folder: Path, names: list[Registered]) -> dict[str, str]:
    """What the contract kit says against a new plugin, for the kinds that it knows."""
    bad = check("plugin", next(r.name for r in zoo().loaded.values() if r.file.startswith(str(folder))))
    for one in names:
        bad |= {f"{one.name}: {clause}": why for clause, why in check(one.kind, one.name).items()}
    return bad


@pytest.mark.parametrize("kind", CODE)
def test_a_new_plugin_keeps_the_contract_of_its_kind(kind: str, tmp_path: Path, found, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder, names = new_plugin("pebble", [kind], tmp_path)
    plugins = found(folder)
    assert "pebble" in plugins.registries()[kind].names("pebble*")
    assert problems_of(folder, names) == {}
    assert {one.kind for one in names} == ({"dataset", "scenario"} if kind == "scenario" else {kind})


def test_all_kinds_in_one_plugin(tmp_path: Path, model: Path, found) -> None:
    folder, names = new_plugin("pebble", SUMMARIES, tmp_path, model=model)
    plugins = found(folder)
    for one in names:
        assert one.name in plugins.registries()[one.kind].names()
    assert plugins.check("dazoo-pebble") == {}
    domains = load_scenario(plugins.scenarios.build("pebble_scenario"), tmp_path, size=16, zoo=plugins)
    assert domains.source_train.classes == domains.target_train.classes == ("upright", "lying")


def test_an_entry_is_a_model_with_its_needs(tmp_path: Path, model: Path, found) -> None:
    with pytest.raises(SettingsError, match="--model"):
        new_plugin("pebble", ["entry"], tmp_path)
    folder, (entry,) = new_plugin("pebble", ["entry"], tmp_path, model=model)
    assert entry.name == "fcn-source-synsigns"
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert "dazoo-backbones>=0.1.0" in project["dependencies"] and "dazoo-signs>=0.1.0" in project["dependencies"]
    found(folder)
    assert problems_of(folder, [entry]) == {} and verify("fcn-source-synsigns").difference == 0
    shutil.rmtree(model / "model")
    with pytest.raises(Exception, match="config.json"):
        new_plugin("other", ["entry"], tmp_path, model=model)


def test_an_entry_may_be_a_gan(tmp_path: Path, found) -> None:
    config = {"schema": 1, "name": "a gan", "gan": "dcgan", "gan_settings": {"width": 4}, "classes": [], "channels": 3, "size": 16}
    save_gan(GANModel(build_game(zoo(), config), config), tmp_path / "gan")
    folder, (entry,) = new_plugin("pebble", ["entry"], tmp_path, model=tmp_path / "gan")
    found(folder)
    assert entry.name == "dcgan-pebble" and problems_of(folder, [entry]) == {}
    assert verify("dcgan-pebble").difference == 0


WRONG = {
    "My-Net": "did you mean 'my_net'?",
    "MyNet": "did you mean 'my_net'?",
    "my net": "did you mean 'my_net'?",
    "a__b": "did you mean 'a_b'?",
    "": "is no name",
    "é": "is no name",
    "x" * 41: "at most 40",
    "fcn": "'dazoo_fcn' is installed already; choose another name, such as 'my_fcn'",
    "dann": "The method 'dann' is brought by dazoo-methods already",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_name_that_does_not_do(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=re.escape(WRONG[name])):
        new_plugin(name, ["method"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "dazoo-pebble").mkdir()
    (tmp_path / "dazoo-pebble" / "mine.py").write_text("mine")
    with pytest.raises(SettingsError, match="exists, and nothing is overwritten"):
        new_plugin("pebble", ["gan"], tmp_path)
    assert [p.name for p in (tmp_path / "dazoo-pebble").iterdir()] == ["mine.py"]


@pytest.mark.parametrize(
    ("kinds", "says"), [([], "No kind is given"), (["gna"], "Did you mean 'gan'"), (["sausage"], "Expected one of backbone, gan")]
)
def test_a_kind_that_does_not_do(kinds: list[str], says: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=says):
        new_plugin("pebble", kinds, tmp_path)


def test_files_are_clean(tmp_path: Path, model: Path) -> None:
    """No name of the templates is left, no host is named, and a formatter for 120 columns has nothing to break."""
    folder, _ = new_plugin("pebble", SUMMARIES, tmp_path, model=model)
    for file in folder.rglob("*"):
        if file.is_file() and "entries" not in file.parts:
            text = file.read_text(encoding="utf-8")
            assert not re.search(r"my.thing|MyThing|@[A-Z]+@|https?://", text), file
            assert "\t" not in text and (text.endswith("\n") or not text), file
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E,F,W,UP,B", "--line-length", "140", str(folder)],
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.slow
def test_a_new_plugin_installs_passes_its_tests_and_is_listed(tmp_path: Path, model: Path) -> None:
    """By pip, into an environment of its own that borrows the packages of this one."""
    folder, names = new_plugin("pebble", SUMMARIES, tmp_path, model=model)
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(site), str(folder)]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path]), "DAZOO_CACHE": str(tmp_path / "cache")}
    env["DAZOO_PLUGINS"] = f"{env['DAZOO_PLUGINS']},dazoo-pebble"
    listed = subprocess.run([sys.executable, "-m", "dazoo", "list", "--json"], capture_output=True, text=True, env=env, timeout=120)
    brought = json.loads(listed.stdout)
    for one in names:
        assert any(one.name in kind for kind in brought.values()), one
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        capture_output=True, text=True, env=env, timeout=600, cwd=tmp_path,
    )  # fmt: skip
    assert tests.returncode == 0, tests.stdout[-3000:]
