"""Data sets that code draws."""

from __future__ import annotations

import numpy as np
import pytest

from dazoo.contracts.images import ImageSet
from dazoo.data import Drawn
from dazoo.errors import DataError
from dazoo.errors import SettingsError


class Dots(Drawn):
    name = "dots"
    classes = ("few", "many")
    least = 4
    held_out = 10

    def draw(self, n: int, size: int, split: str) -> ImageSet:
        dice = np.random.default_rng((self.seed, split == "test"))
        return ImageSet(self.name, dice.integers(0, 256, (n, size, size, 1), np.uint8), np.arange(n) % 2, self.classes)


def test_pictures_are_drawn_once_and_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path))
    made = Dots(count=30)
    train, test = (made.load(split, size=8) for split in ("train", "test"))
    assert (len(train), len(test), train.size) == (30, 3, (8, 8)) and len(Dots(count=4).load("test", size=8)) == 2, "one of each class"
    monkeypatch.setattr(Dots, "draw", lambda *_: pytest.fail("drawn again"))
    assert made.load("train", size=8).digest() == train.digest()
    for other in (lambda: Dots(count=30, seed=1).load("train", size=8), lambda: made.load("train", size=9)):
        with pytest.raises(pytest.fail.Exception):
            other()


def test_wrong_words_are_told():
    for wrong in ({"count": 3}, {"count": 4, "seed": -1}):
        with pytest.raises(SettingsError, match="at least 4 and a seed from 0"):
            Dots(**wrong)
    with pytest.raises(DataError, match="dots has no split 'val'; it has train and test"):
        Dots(count=4).load("val")
    with pytest.raises(NotImplementedError, match="Drawn must implement draw"):
        Drawn(count=20).draw(1, 8, "train")
