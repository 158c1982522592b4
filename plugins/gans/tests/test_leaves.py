"""Dead leaves: the contract of a data set, and what the pictures are."""

from __future__ import annotations

import numpy as np
import pytest

from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.testing import Clause
from dazoo.testing import parametrize_with_contract
from dazoo_image_gans.leaves import DeadLeaves


@parametrize_with_contract("dataset", ["leaves"], settings={"leaves": {"count": 20}})
def test_contract(clause: Clause) -> None:
    clause()


def test_plain_leaves_are_flat_with_sharp_edges_and_textured_ones_are_not():
    found = DeadLeaves().draw(16, 64, "train")
    steps = np.abs(np.diff(found.images.astype(int), axis=2)).max(3).reshape(16, -1)
    plain, textured = (steps[found.labels == y] for y in (0, 1))
    assert np.median(plain) == 0 and np.quantile(plain, 0.98) > 40 and np.median(textured) > 2
    assert len({picture.tobytes() for picture in found.images}) == 16


def test_other_seeds_and_splits_are_other_pictures():
    sets = [DeadLeaves(count=20, seed=seed).load(split, size=16) for seed, split in ((0, "train"), (1, "train"), (0, "test"))]
    assert [len(one) for one in sets] == [20, 20, 5] and len({one.images[0].tobytes() for one in sets}) == 3


def test_wrong_words_are_told():
    with pytest.raises(SettingsError, match="at least 20"):
        DeadLeaves(count=19)
    with pytest.raises(DataError, match="no split 'val'"):
        DeadLeaves().load("val", size=16)
