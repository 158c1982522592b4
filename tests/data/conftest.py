"""Small pictures on the disk, and a cache of each test's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("DAZOO_CACHE", str(folder))
    monkeypatch.delenv("DAZOO_DATA", raising=False)
    return folder


@pytest.fixture
def draw():
    """`draw(path, colour, size=(w, h))` writes a picture with a gradient over one colour."""

    def write(path: Path, colour: tuple[int, int, int] = (200, 100, 50), size: tuple[int, int] = (20, 16)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        ramp = np.linspace(0, 1, size[0])[None, :, None] * np.ones((size[1], 1, 1))
        Image.fromarray((ramp * np.array(colour)).astype(np.uint8)).save(path)
        return path

    return write
