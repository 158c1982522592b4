"""Command lines run in this process, and tiny folders of pictures to run them on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dazoo.cli.main import main


TINY = ("epochs=1", "steps_per_epoch=2", "batch=4", "size=16", "backbone.width=4", "augment=none")
"""Settings of a run that takes a moment."""


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the person who runs the tests is read or written."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.chdir(home)
    monkeypatch.setenv("DAZOO_CACHE", str(home / "cache"))
    for name in ("DAZOO_DATA", "DAZOO_DEBUG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    """`run("list", "gans")` gives code, out, err and, where the output is JSON, json."""

    def call(*arguments: Any) -> SimpleNamespace:
        capsys.readouterr()
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        found = SimpleNamespace(code=code, out=out, err=err, json=None)
        if "--json" in arguments and out:
            found.json = json.loads(out, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
        return found

    return call


@pytest.fixture
def settings() -> list[str]:
    """`--set` arguments of a tiny run."""
    return [word for pair in TINY for word in ("--set", pair)]


def shapes(folder: Path, labelled: bool, count: int = 6, seed: int = 0) -> Path:
    """Discs on dark and crosses on light ground, 24 pixels a side."""
    rng = np.random.default_rng(seed)
    for index, name in enumerate(("cross", "disc")):
        place = folder / name if labelled else folder
        place.mkdir(parents=True, exist_ok=True)
        for i in range(count):
            y, x = np.mgrid[:24, :24] - 11.5 + rng.normal(0, 1, (2, 1, 1))
            inside = (x**2 + y**2 < 60) if index else (np.minimum(abs(x), abs(y)) < 3)
            grey = np.where(inside, 220, 30) if index else np.where(inside, 20, 190)
            pixels = np.clip(grey[..., None] + rng.normal(0, 12, (24, 24, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{name}{i}.png")
    return folder


@pytest.fixture
def own(tmp_path: Path) -> SimpleNamespace:
    """A person's own data: `source` labelled, `loose` and `labelled` target pictures."""
    return SimpleNamespace(
        source=shapes(tmp_path / "source", True),
        loose=shapes(tmp_path / "loose", False, seed=1),
        labelled=shapes(tmp_path / "labelled", True, seed=1),
    )


@pytest.fixture
def model(run, own: SimpleNamespace, settings: list[str], tmp_path: Path) -> Path:
    """A tiny trained model."""
    out = tmp_path / "run"
    found = run("train", "fcn-source", "--source", own.source, "--target", own.labelled, "--out", out, "--device", "cpu", "-q", *settings)
    assert found.code == 0, found.err
    return out / "model"
