"""Class maps: the window map is what the model says of a crop, and peaks are far apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dazoo.cli.drawing import palette
from dazoo.cli.drawing import peaks
from dazoo.cli.drawing import window_map
from dazoo.models import Model
from dazoo.registry.plugins import zoo


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    backbone = zoo().backbones.build("fcn", num_classes=4, width=4)
    recipe = {"backbone": "fcn", "method": "source"}
    return Model(backbone, {"recipe": recipe, "classes": ["a", "b", "c", "d"], "channels": 3, "size": 24}).eval()


def test_the_middle_of_a_crop_is_its_prediction(model: Model) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    scores = window_map(model, crop)
    assert scores.shape == (4, 3, 3)
    want = torch.tensor(list(model.predict(crop).scores.values()))
    torch.testing.assert_close(scores[:, 1, 1], want, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(scores[:, 0, 0], want, atol=1e-4)


def test_probabilities_at_every_place_of_any_picture(model: Model) -> None:
    scores = window_map(model, np.random.default_rng(1).integers(0, 256, (60, 100, 3), np.uint8))
    torch.testing.assert_close(scores.sum(0), torch.ones(scores.shape[1:]))


def test_peaks_are_apart_and_best_first(model: Model) -> None:
    scores = torch.full((4, 10, 20), 0.25)
    for row, column, k, value in ((2, 3, 1, 0.95), (2, 4, 1, 0.9), (7, 15, 2, 0.99), (9, 0, 3, 0.6)):
        scores[:, row, column] = (1 - value) / 3
        scores[k, row, column] = value
    found = peaks(model, scores, (80, 160), least=0.8)
    assert [(p.label, p.index, p.x, p.y) for p in found] == [("c", 2, 124.0, 60.0), ("b", 1, 28.0, 20.0)]
    assert [p.label for p in peaks(model, scores, (80, 160), least=0.5)] == ["c", "b", "d"]
    assert len(peaks(model, scores, (80, 160), least=0.2, most=2)) == 2


def test_colours_differ() -> None:
    colours = palette(22)
    assert colours.shape == (22, 3) and colours.min() >= 0 and colours.max() <= 1
    apart = np.abs(colours[:, None] - colours[None]).sum(-1) + 9 * np.eye(22)
    assert apart.min() > 0.05


def test_a_picture_that_is_too_small_leaves_no_file(model: Model, tmp_path: Path) -> None:
    from dazoo.cli.drawing import draw_dense
    from dazoo.errors import PictureError

    Image.new("RGB", (8, 8)).save(tmp_path / "small.png")
    with pytest.raises(PictureError, match="at least 16"):
        draw_dense(model, tmp_path / "small.png", tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()
