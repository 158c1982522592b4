"""Two sides that do not fit are an error before training: which side, and how to fix it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dazoo.contracts import Domains
from dazoo.contracts import ImageSet
from dazoo.data import check_domains
from dazoo.errors import DataError


def _set(name="s", low=0, high=256, n=40, size=8, channels=3, classes=("a", "b"), labels=True, seed=0) -> ImageSet:
    images = np.random.default_rng(seed).integers(low, high, (n, size, size, channels)).astype(np.uint8)
    return ImageSet(name, images, np.arange(n) % len(classes) if labels else None, classes)


def _domains(source: ImageSet, target: ImageSet) -> Domains:
    return Domains(source, source, target, target)


def test_what_fits_passes():
    check_domains(_domains(_set(), _set("t", seed=1)), size=8, channels=3)
    check_domains(_domains(_set(), _set("t", labels=False)))


def test_dark_or_pale_pictures_still_pass():
    check_domains(_domains(_set(low=0, high=60), _set("t", low=120, high=256)))
    check_domains(_domains(_set(low=200, high=256), _set("t", low=0, high=40)))
    digits = (np.random.default_rng(0).random((40, 8, 8, 3)) > 0.85).astype(np.uint8) * 255  # mostly black, as MNIST is
    check_domains(_domains(replace(_set(), images=digits), _set("t")))


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        (_set(), _set("t", size=16), "target pictures .* 16x16 .* expected 8x8.*resized"),
        (_set(size=16), _set("t"), "target pictures .* 8x8 .* expected 16x16"),
        (_set(), _set("t", channels=1), "target pictures .* 1 channel.*with_channels"),
        (_set(), _set("t", classes=("a", "c")), "classes of the target .*differ in b, c"),
        (_set(), _set("t", classes=("b", "a")), "their order"),
        (_set(labels=False), _set("t"), "no labels.*one folder per class"),
        (_set(classes=("a",)), _set("t", classes=("a",)), "at least 2"),
        (_set(n=1), _set("t"), "no picture of b"),
        (_set(), _set("t", high=2), "target pictures .* 0..1.*multiply by 255"),
        (_set(high=2), _set("t"), "source pictures .* 0..1"),
        (_set(), _set("t", high=1), "target pictures"),
        (_set(), _set("t", low=30, high=32), "target pictures .*nearly constant"),
        (_set(), _set("t", low=0, high=12), "target pictures look as if"),
        (_set(low=0, high=12), _set("t"), "source pictures look as if"),
        (_set(), _set("t", low=120, high=132), "target pictures look as if"),
    ],
)
def test_what_does_not_fit_is_said(source, target, says):
    with pytest.raises(DataError, match=says):
        check_domains(_domains(source, target))


def test_the_expected_size_counts_when_given():
    with pytest.raises(DataError, match="source pictures .* expected 32x32"):
        check_domains(_domains(_set(), _set("t")), size=32)
    with pytest.raises(DataError, match="expected 1"):
        check_domains(_domains(_set(), _set("t")), channels=1)


def test_dark_lines_on_white_paper_are_a_picture_and_no_slip_of_range():
    """Sketches beside photographs: little deviation and a far mean, but ink and paper are at the ends of the range."""
    paper = np.full((20, 16, 16, 3), 255, np.uint8)
    paper[:, 8, 2] = 0
    assert paper.std() < 18 and paper.mean() > 250
    drawn = _set("drawn", size=16)
    check_domains(_domains(_set(size=16), ImageSet("drawn", paper, drawn.labels[:20], drawn.classes)))
