"""The sign renderer: the same bytes everywhere, every class its own, two styles that differ."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest

from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo_signs.synsigns import CLASSES
from dazoo_signs.synsigns import VARIANTS
from dazoo_signs.synsigns import draw
from dazoo_signs.synsigns import render
from dazoo_signs.synsigns import scene


GOLDEN = {
    "vienna": "401ef6db8ecb6c42956377e0055a80e3f0741eebd8a1d707ea7058b7dec5b9f7",
    "indian": "176aa06c4e6e08875c56e78bfadf46a88a0e5e4ad55ac608222d3c37cb5823f2",
}
"""sha256 of the first picture of each class at 48 px; changes when, and only when, the drawings change."""


@pytest.fixture(scope="module", params=VARIANTS)
def first(request):
    return request.param, *draw(len(CLASSES), variant=request.param)


def test_first_pictures_are_the_golden_ones(first):
    variant, images, _ = first
    assert hashlib.sha256(images.tobytes()).hexdigest() == GOLDEN[variant]


def test_a_picture_does_not_depend_on_how_many_are_drawn(first):
    variant, images, labels = first
    few, few_labels = draw(7, variant=variant)
    assert np.array_equal(few, images[:7])
    assert np.array_equal(few_labels, labels[:7])


def test_split_seed_and_variant_change_the_pictures(first):
    variant, images, _ = first
    other = VARIANTS[1 - VARIANTS.index(variant)]
    for settings in ({"split": "test"}, {"seed": 1}, {"variant": other}):
        again, _ = draw(3, **{"variant": variant, **settings})
        assert all((a != b).mean() > 0.5 for a, b in zip(again, images, strict=False)), settings


def test_render_is_one_picture_of_the_set():
    from dazoo_signs.synsigns.render import generator

    images, _ = draw(6, variant="indian", seed=3)
    assert np.array_equal(render(5, variant="indian", rng=generator("indian", "train", 3, 5)), images[5])


def test_class_list_is_the_mapping_tables():
    with resources.files("dazoo_signs").joinpath("gtsrb2india.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(row["gtsrb"] for row in rows) == CLASSES
    assert tuple(row["synsigns_indian"] for row in rows) == CLASSES


@pytest.mark.parametrize("size", [16, 33, 40, 64])
def test_sizes(size):
    images, labels = draw(2, variant="indian", size=size)
    assert images.shape == (2, size, size, 3)
    assert images.dtype == np.uint8
    assert labels.tolist() == [0, 1]


def test_subset_of_classes_is_balanced_and_in_the_order_given():
    chosen = ("Stop", "Keep left", "Road work")
    images, labels = draw(7, variant="vienna", classes=chosen, size=24)
    assert np.bincount(labels).tolist() == [3, 2, 2]
    blue, red = (images[labels == k].astype(float).mean(axis=(0, 1, 2)) for k in (1, 0))
    assert blue[2] - blue[0] > red[2] - red[0] + 20


def _clean(class_index, variant, design=0):
    """The plate and its pictogram, upright, evenly lit, without a background."""
    from dazoo_signs.synsigns.classes import DESIGNS
    from dazoo_signs.synsigns.dice import Dice
    from dazoo_signs.synsigns.raster import coverage
    from dazoo_signs.synsigns.sign import paint
    from dazoo_signs.synsigns.styles import STYLES

    chosen = DESIGNS[CLASSES[class_index]][VARIANTS.index(variant)][design]
    _, layers = paint(chosen, STYLES[variant], Dice(np.random.default_rng(0)))
    out = np.full((48, 48, 3), 128.0)
    for (colour, _), mask in zip(layers, coverage([e * 22 + 24 for _, e in layers], 48, 48), strict=True):
        out += mask[..., None] * (np.array(colour) - out)
    return out


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_class_looks_different(variant):
    pictures = [_clean(k, variant) for k in range(len(CLASSES))]
    for i, a in enumerate(pictures):
        for j, b in enumerate(pictures[:i]):
            assert np.abs(a - b).mean() > 2.0, (CLASSES[i], CLASSES[j])


def test_left_and_right_are_mirror_images():
    rgb = {name: _clean(CLASSES.index(name), "vienna") for name in ("Turn right ahead", "Turn left ahead")}
    right, left = rgb["Turn right ahead"], rgb["Turn left ahead"]
    assert np.abs(right[:, ::-1] - left).mean() < 0.5 * np.abs(right - left).mean()
    white = right.min(axis=2) > 190
    columns = np.where(white[8:40, 8:40])[1]
    assert columns.max() - 15.5 > 0  # the head is right of the middle
    head = white[8:24, 26:40].sum()
    assert head > white[8:24, 8:22].sum()


def test_styles_differ_where_the_countries_do():
    for name in ("No overtaking", "No entry", "Give way", "Vehicles over 3.5 t prohibited"):
        k = CLASSES.index(name)
        assert np.abs(_clean(k, "vienna") - _clean(k, "indian")).mean() > 12, name


def test_raster_areas_are_exact():
    from dazoo_signs.synsigns.raster import coverage
    from dazoo_signs.synsigns.shapes import area
    from dazoo_signs.synsigns.shapes import disc
    from dazoo_signs.synsigns.shapes import drawing

    box = area((1.25, 2.0), (4.5, 2.0), (4.5, 7.0), (1.25, 7.0))
    ring = drawing(disc(8, 8, 6), disc(8, 8, 3, hole=True))
    twice = drawing(box, box)
    masks = coverage([d.edges() for d in (box, ring, twice)], 16, 16)
    assert masks[0].sum() == pytest.approx(3.25 * 5)
    assert masks[0, 3].tolist()[:6] == [0, 0.75, 1, 1, 0.5, 0]
    assert masks[1].sum() == pytest.approx(np.pi * 27, rel=0.04)
    assert masks[1, 8, 8] == 0
    assert np.array_equal(masks[2], np.minimum(2 * masks[0], 1))  # overlaps do not add up beyond full


def test_scene_has_its_signs_in_their_boxes():
    signs = ["Stop", "Keep left", "Give way", 3]
    picture, boxes = scene(np.random.default_rng(5), (200, 300), signs=signs)
    again, _ = scene(np.random.default_rng(5), (200, 300), signs=signs)
    assert picture.shape == (200, 300, 3)
    assert np.array_equal(picture, again)
    assert [CLASSES[b.class_index] for b in boxes] == ["Stop", "Keep left", "Give way", "No overtaking"]
    for a, b in zip(boxes, boxes[1:], strict=False):
        assert 0 <= a.x0 < a.x1 <= b.x1 <= 300
        assert (a.x0 + a.x1) / 2 < b.x0 + 2
    crops = [picture[b.y0 : b.y1, b.x0 : b.x1].astype(float).mean(axis=(0, 1)) for b in boxes]
    assert crops[0][0] > crops[0][2] + 30  # a stop sign is red
    assert crops[1][2] > crops[1][0] + 30  # a keep-left disc is blue


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: draw(4, variant="french"), "vienna, indian"),
        (lambda: draw(4, variant="indian", classes=("Stopp",)), "Stopp"),
        (lambda: draw(0, variant="indian"), "at least 1"),
        (lambda: render(22, variant="indian", rng=np.random.default_rng(0)), "0 to 21"),
        (lambda: scene(np.random.default_rng(0), signs=["Nothing"]), "Nothing"),
        (lambda: scene(np.random.default_rng(0), (100, 100), signs=[0] * 9), "1 to 3"),
    ],
)
def test_errors_say_what_to_do(call, word):
    with pytest.raises(SettingsError, match=word):
        call()


def test_dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path))
    from dazoo_signs.synsigns.dataset import SynSigns

    dataset = SynSigns(variant="indian", count=44)
    train = dataset.load("train", tmp_path / "nowhere", size=24)
    assert train.counts == (2,) * 22
    assert train.classes == CLASSES == tuple(dataset.classes)
    assert np.array_equal(train.images, draw(44, variant="indian", size=24)[0])
    kept = dataset.load("train", tmp_path / "nowhere", size=24)
    assert isinstance(kept.images, np.memmap)
    assert kept.digest() == train.digest()
    test = dataset.load("test", size=24)
    assert len(test) == 22
    assert not any(np.array_equal(a, b) for a, b in zip(test.images, train.images, strict=False))
    with pytest.raises(DataError, match="train and test"):
        dataset.load("valid", size=24)
    with pytest.raises(SettingsError, match="vienna, indian"):
        SynSigns(variant="french")


def test_drawing_needs_no_torch():
    code = "import sys, dazoo_signs.synsigns as s; s.draw(2, variant='vienna'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
