"""Looking at larger pictures: objects are found at their size, and nothing is found where nothing is like the training pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import dazoo
from dazoo.contracts import ImageSet
from dazoo.errors import PictureError
from dazoo.errors import SettingsError
from dazoo.models.calibrating import calibrate_model
from dazoo.models.model import Model


SIZE = 40
CLASSES = ("bar", "cross", "disc", "ring")


def ground(height: int, width: int, seed: int = 5) -> np.ndarray:
    """Stripes and noise, with no shape in it."""
    rng = np.random.default_rng(seed)
    stripes = 60 * np.sin(np.arange(width) / 3)[None, :, None] + 40 * np.sin(np.arange(height) / 5)[:, None, None]
    return np.clip(120 + stripes + rng.normal(0, 25, (height, width, 3)), 0, 255).astype(np.uint8)


def shapes(n: int, seed: int) -> ImageSet:
    """Bars, crosses, discs and rings in any colour, on grounds of any kind, a little larger or smaller."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    images = rng.normal(0, 12, (n, SIZE, SIZE, 3)) + rng.integers(40, 216, (n, 1, 1, 1))
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        if i % 3 == 0:
            image[:] = ground(SIZE, SIZE, seed=seed + i)
        y, x = (np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2 + rng.normal(0, 1.5, (2, 1, 1))) * rng.uniform(0.48, 0.75)
        near, far, round_ = np.minimum(abs(x), abs(y)), np.maximum(abs(x), abs(y)), x**2 + y**2
        inside = [(abs(y) < 3.5) & (abs(x) < 10), (near < 3) & (far < 10), round_ < 81, (round_ < 100) & (round_ > 36)][label]
        image[inside] = rng.permutation([230, 120, 20]) + rng.normal(0, 10, 3)
    return ImageSet("shapes", np.clip(images, 0, 255).astype(np.uint8), labels, CLASSES)


@pytest.fixture(scope="module")
def model() -> Model:
    """A small network that has learnt the shapes."""
    made = dazoo.create("fcn", classes=CLASSES, size=SIZE, seed=0, width=12)
    train = shapes(240, 0)
    images, labels = made.preprocess(train.images), torch.from_numpy(train.labels)
    optimiser = torch.optim.Adam(made.parameters(), 0.005)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 200)  # where a constant rate ends depends on the processor's rounding
    made.train()
    torch.manual_seed(2)  # drop-out draws from the global generator
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        rows = torch.randint(0, 240, (32,), generator=generator)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(made(images[rows]), labels[rows]).backward()
        optimiser.step()
        schedule.step()
    made.eval()
    calibrate_model(made, train, shapes(200, 1))
    return made


def with_a_bar(side: int) -> np.ndarray:
    """A bar in the middle of a picture of stripes, in a square of `side` pixels at (60, 40)."""
    scene, bar = ground(150, 240), shapes(4, 9).images[0]
    scene[40 : 40 + side, 60 : 60 + side] = np.asarray(Image.fromarray(bar).resize((side, side), Image.BICUBIC))
    return scene


def test_an_object_is_found_at_its_size(model: Model) -> None:
    side = 2 * SIZE
    seen = model.places(with_a_bar(side), near=0.05)
    found = min((p for p in seen.places if p.label == "bar"), key=lambda p: abs(sum(p.box[::2]) / 2 - 100) + abs(sum(p.box[1::2]) / 2 - 80))
    left, top, right, bottom = found.box
    assert abs((left + right) / 2 - (60 + side / 2)) < side / 3 and abs((top + bottom) / 2 - (40 + side / 2)) < side / 3
    assert 0.6 < (right - left) / side < 1.7 and found.score > 0.5 and found.familiar >= 0.05
    rows, columns = seen.heat.shape[1:]
    inside = seen.heat[0][int(top / 150 * rows) : int(bottom / 150 * rows), int(left / 240 * columns) : int(right / 240 * columns)]
    assert inside.max() > 0.5 and seen.heat[0][rows - 1, columns - 1] == 0
    assert seen.sizes[0] == SIZE / 2 and seen.sizes[-1] <= 150 and seen.near == 0.05


def test_nothing_is_found_where_nothing_is(model: Model) -> None:
    seen = model.places(ground(150, 240))
    assert seen.places == () and seen.near == 0.4
    empty = Model(model.backbone, model.config).eval()  # which cannot say "none of these"
    assert empty.places(ground(60, 90)).places and empty.places(ground(60, 90)).near is None


def test_what_cannot_be_looked_at(model: Model) -> None:
    with pytest.raises(PictureError, match="at least"):
        model.places(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(PictureError, match="one picture"):
        model.places([ground(50, 50)])
    assert model.places(ground(20, 60)).places == ()  # no room for a window of half the size, enlarged
    wide = Model(model.backbone, model.config).eval()
    wide.backbone.positions = lambda f: (_ for _ in ()).throw(NotImplementedError("no positions"))
    with pytest.raises(SettingsError, match="no class map"):
        wide.places(ground(60, 60))
    del wide.backbone.positions


def test_the_drawing_says_what_it_shows(model: Model, tmp_path) -> None:
    from dazoo.cli.drawing import classes_shown
    from dazoo.cli.drawing import draw_dense
    from dazoo.cli.drawing import sentence

    for name, picture, near in (("with", with_a_bar(SIZE), 0.05), ("without", ground(60, 90), 0.4)):
        Image.fromarray(picture).save(tmp_path / "in.png")
        scene = draw_dense(model, tmp_path / "in.png", tmp_path / f"{name}.png", near=near)
        with Image.open(tmp_path / f"{name}.png") as drawn:
            assert drawn.width > 400
        assert ("nothing here that the model knows" in sentence(scene)) == (name == "without")
        assert len(classes_shown(scene)) >= (1 if name == "with" else 0)
    blind = Model(model.backbone, model.config).eval()
    assert "cannot say" in sentence(draw_dense(blind, tmp_path / "in.png", tmp_path / "blind.png"))
