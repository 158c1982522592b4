"""A person's own two folders."""

from __future__ import annotations

import numpy as np
import pytest

from dazoo.data import own_domains
from dazoo.data import pack_folder
from dazoo.errors import DataError


@pytest.fixture
def source(tmp_path, draw):
    for name, colour in (("cat", (250, 0, 0)), ("dog", (0, 250, 0)), ("owl", (0, 0, 250))):
        for k in range(10):
            draw(tmp_path / "source" / name / f"{k}.png", colour, size=(20 + k, 16))
    return tmp_path / "source"


@pytest.fixture
def loose(tmp_path, draw):
    for k in range(7):
        draw(tmp_path / "target" / f"{k % 2}" / f"{k}.jpg", (200, 190, 20 * k))
    return tmp_path / "target"


def test_labelled_source_loose_target(source, loose):
    d = own_domains(source, loose, size=16)
    assert d.source_train.counts == (9, 9, 9) and d.source_test.counts == (1, 1, 1)
    assert len(d.target_train) == len(d.target_test) == 7 and d.target_train.labels is None
    assert d.target_train.classes == d.source_train.classes == ("cat", "dog", "owl")
    assert d.source_train.images.shape[1:] == (16, 16, 3)


def test_the_split_is_a_partition_fixed_by_the_seed(source, loose):
    def names(images):
        return {i.tobytes() for i in images.images}

    a, b, c = (own_domains(source, loose, size=16, seed=s, test_fraction=0.3) for s in (0, 0, 1))
    assert a.source_test.counts == (3, 3, 3)
    assert not names(a.source_train) & names(a.source_test) and len(names(a.source_train) | names(a.source_test)) == 30
    assert (a.source_test.images == b.source_test.images).all() and names(a.source_test) != names(c.source_test)


def test_class_folders_on_the_target_side_give_labels_for_evaluation(source, tmp_path, draw):
    for k, name in enumerate(("owl", "dog", "owl")):
        draw(tmp_path / "t" / name / f"{k}.png")
    d = own_domains(source, tmp_path / "t", size=16)
    assert d.target_test.classes == ("cat", "dog", "owl") and d.target_test.counts == (0, 1, 2)
    assert own_domains(source, tmp_path / "t", size=16, target_labelled=False).target_test.labels is None
    draw(tmp_path / "t" / "cow" / "x.png")
    with pytest.raises(DataError, match=r"beside others \(cow\).*target_labelled=False"):
        own_domains(source, tmp_path / "t", size=16)
    with pytest.raises(DataError, match="no known class: cow"):
        own_domains(source, tmp_path / "t", size=16, target_labelled=True)
    (tmp_path / "t" / "cow" / "x.png").unlink()
    (tmp_path / "t" / "cow").rmdir()
    draw(tmp_path / "t" / "loose.png")
    with pytest.warns(UserWarning, match=r"loose\.png, are learnt from and not counted"):
        d = own_domains(source, tmp_path / "t", size=16)
    assert d.target_test.counts == (0, 1, 2) and len(d.target_train) == 4 and d.target_train.labels is None


def test_a_labelled_folder_beside_the_target(source, loose, tmp_path, draw):
    draw(tmp_path / "check" / "owl" / "1.png")
    d = own_domains(source, loose, size=16, target_labels_dir=tmp_path / "check")
    assert d.target_train.labels is None and d.target_test.labels.tolist() == [2]


def test_packs_on_either_side(source, loose, tmp_path, draw):
    for name in ("owl", "cat"):
        draw(tmp_path / "t" / name / "0.png")
    packs = [pack_folder(f, tmp_path / f"pack{i}", size=24) for i, f in enumerate((source, loose, tmp_path / "t"))]
    d = own_domains(packs[0], packs[1], size=16)
    assert d.source_train.counts == (9, 9, 9) and len(d.target_train) == 7
    d = own_domains(packs[0], packs[2], size=16)
    assert sorted(d.target_test.labels.tolist()) == [0, 2] and d.target_test.classes == ("cat", "dog", "owl")
    draw(tmp_path / "t" / "cow" / "0.png")
    other = pack_folder(tmp_path / "t", tmp_path / "other", size=24)
    with pytest.raises(DataError, match="source lacks: cow"):
        own_domains(packs[0], loose, size=16, target_labels_dir=other)
    with pytest.raises(DataError, match=r"beside others \(cow\)"):
        own_domains(packs[0], other, size=16)


def test_mistakes(source, loose, tmp_path, draw):
    with pytest.raises(DataError, match="does not exist"):
        own_domains(tmp_path / "no", loose, size=16)
    with pytest.raises(DataError, match="does not exist"):
        own_domains(source, tmp_path / "no", size=16)
    with pytest.raises(DataError, match="loose picture"):
        own_domains(loose / "0", source, size=16)
    with pytest.raises(DataError, match="between 0 and 1"):
        own_domains(source, loose, size=16, test_fraction=1.5)
    for name in "ab":
        draw(tmp_path / "single" / name / "0.png")
    with pytest.raises(DataError, match="single picture"):
        own_domains(tmp_path / "single", loose, size=16)


def test_the_two_sides_are_checked(source, tmp_path, draw):
    draw(tmp_path / "t" / "black.png", (0, 0, 0))
    with pytest.raises(DataError, match="target pictures"):
        own_domains(source, tmp_path / "t", size=16)


def test_labels_of_the_target_are_int64_for_the_engine(source, tmp_path, draw):
    draw(tmp_path / "t" / "owl" / "0.png")
    assert own_domains(source, tmp_path / "t", size=16).target_test.labels.dtype == np.int64
