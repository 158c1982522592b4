"""`dazoo --plugins-dir DIR`: one file that nobody has installed, through list, show, plugins, train, bench and a saved model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from dazoo.registry import plugins as plugins_module


CODE = '''
"""A backbone, a method and pictures in one file."""

import numpy as np
import torch
from torch import nn

from dazoo import hookimpl
from dazoo.contracts import Backbone, Dataset, ImageSet, Method

dazoo_api = 1


@hookimpl
def dazoo_register_backbones(register):
    register("speck_net", "specks:SpeckNet", summary="One convolution")


@hookimpl
def dazoo_register_methods(register):
    register("speck_method", "specks:SpeckMethod", summary="Nothing new")


@hookimpl
def dazoo_register_datasets(register):
    register("dark", "specks:Specks", summary="Specks on black", level=40)
    register("light", "specks:Specks", summary="Specks on grey", level=120)


@hookimpl
def dazoo_register_scenarios(register):
    settings = {"size": 16, "augment": "none"}
    register("dark2light", "dazoo.contracts:Scenario", summary="Specks", source="dark", target="light", settings=settings)


class SpeckNet(Backbone):
    """One convolution.

    Args:
        width: channels of the map.
    """

    def __init__(self, *, num_classes, in_channels=3, width=4):
        super().__init__(num_classes=num_classes, in_channels=in_channels)
        self.num_features = width
        self.first = nn.Conv2d(in_channels, width, 4, stride=4)
        self.head = nn.Linear(width, num_classes)

    def forward_features(self, x):
        return self.first(x).relu()


class SpeckMethod(Method):
    """Learns the source."""


class Specks(Dataset):
    classes = ("left", "right")

    def __init__(self, level):
        self.level = level

    def load(self, split, root, *, size, download=False):
        rng = np.random.default_rng(len(split))
        labels = np.arange(16) % 2
        images = rng.integers(0, self.level, (16, size, size, 3)).astype(np.uint8)
        for image, label in zip(images, labels):
            image[4:8, (2, 10)[label] : (6, 14)[label]] = 255
        return ImageSet("specks", images, labels, self.classes)
'''
SMALL = [word for pair in ("epochs=1", "steps_per_epoch=2", "batch=4") for word in ("--set", pair)]
RECIPE = "speck_net-speck_method-dark2light"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "specks.py").write_text(CODE)
    monkeypatch.setenv("DAZOO_PLUGINS_DIR", "")  # which the command sets
    monkeypatch.setattr(plugins_module, "_zoo", None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield place
    sys.modules.pop("specks", None)


def test_a_file_is_listed_shown_and_reported(run, folder: Path) -> None:
    found = run("--plugins-dir", folder, "list", "backbones", "speck*", "--json")
    assert found.code == 0 and [r["name"] for r in found.json] == ["speck_net"]
    shown = run("--plugins-dir", folder, "show", "speck_net")
    assert shown.code == 0 and "channels of the map" in shown.out
    told = run("--plugins-dir", folder, "plugins")
    assert told.code == 0 and f"specks:specks is {folder / 'specks.py'}, which is not installed" in told.out
    listed = run("--plugins-dir", folder, "plugins", "--json")
    (mine,) = [r for r in listed.json["plugins"] if r["file"]]
    assert mine["brings"]["method"] == ["speck_method"] and mine["warnings"] == []


def test_without_the_folder_nobody_knows_it(run, folder: Path) -> None:
    assert run("show", "speck_net").code == 2
    missing = run("--plugins-dir", folder / "nowhere", "list")
    assert missing.code == 2 and "does not exist" in missing.err


def test_a_model_says_which_file_it_needs(run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = run("--plugins-dir", folder, "train", RECIPE, "--out", tmp_path / "run", "--device", "cpu", "-q", *SMALL)
    assert trained.code == 0, trained.err
    assert "needs the plugin file specks.py: give it along, and start dazoo with --plugins-dir" in trained.err
    model = tmp_path / "run" / "model"
    assert json.loads((model / "config.json").read_text())["dazoo"]["plugins"]["specks"].startswith("0+file.")
    assert run("--plugins-dir", folder, "verify", model).code == 0
    monkeypatch.setenv("DAZOO_PLUGINS_DIR", "")
    monkeypatch.setattr(plugins_module, "_zoo", None)
    again = run("train", RECIPE, "--out", tmp_path / "run")
    assert again.code == 2 and "The run was begun with the plugin file specks.py" in again.err
    found = run("verify", model)
    assert (
        found.code == 2
        and "The model was saved with the plugin file specks.py, which no package brings: start dazoo with --plugins-dir" in found.err
    )


@pytest.mark.slow
def test_the_workers_of_a_benchmark_know_it_too(folder: Path, tmp_path: Path) -> None:
    words = ["bench", "run", "--backbones", "speck_net", "--methods", "source,speck_method", "--scenarios", "dark2light", "--seeds", "1"]
    words += ["--out", str(tmp_path / "grid"), "--workers", "1", "-q", *SMALL]
    done = dazoo(["--plugins-dir", str(folder), *words])
    assert done.code == 0, done.err
    assert "2 of 2 cells finished (2 now), 0 failed" in done.out


def dazoo(words: list[str]) -> SimpleNamespace:
    """A command in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "dazoo", *words], capture_output=True, text=True, timeout=300, env=dict(os.environ))
    return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)
