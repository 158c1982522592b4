"""Folders of pictures, packed or not, and VOC boxes."""

from __future__ import annotations

import numpy as np
import pytest

from dazoo.data import pack_folder
from dazoo.data import read_labelled
from dazoo.data import read_loose
from dazoo.data import read_pack
from dazoo.data import resized
from dazoo.data import voc_boxes
from dazoo.data import with_channels
from dazoo.errors import DataError
from dazoo.errors import PictureError


@pytest.fixture
def signs(tmp_path, draw):
    for i, name in enumerate(("2", "10", "1")):
        for k in range(3):
            draw(tmp_path / "signs" / name / f"{k}.png", (80 * i, 200, 40))
    return tmp_path / "signs"


def test_a_folder_a_class_in_natural_order(signs):
    found = read_labelled(signs, size=12)
    assert found.classes == ("1", "2", "10") and found.counts == (3, 3, 3)
    assert found.images.shape == (9, 12, 12, 3) and found.name == "signs"
    assert found.images[found.labels == 0][..., 0].max() > 150, "folder 1 was drawn with red 160"
    assert found.images[found.labels == 1][..., 0].max() == 0, "folder 2 was drawn without red"


def test_other_files_and_hidden_ones_are_passed_over(signs, draw):
    (signs / "1" / "Thumbs.db").write_bytes(b"x")
    (signs / "1" / "._0.png").write_bytes(b"AppleDouble")
    (signs / "notes.txt").write_text("mine")
    (signs / ".git").mkdir()
    (signs / "__MACOSX").mkdir()
    draw(signs / "1" / "deeper" / "still" / "x.PNG")
    assert read_labelled(signs, size=8).counts == (4, 3, 3)


def test_the_second_read_comes_from_the_cache_until_a_file_changes(signs, draw):
    seen = []
    assert isinstance(read_labelled(signs, size=8, progress=lambda *p: seen.append(p)).images, np.memmap)
    assert seen == [(i, 9) for i in range(1, 10)]
    read_labelled(signs, size=8, progress=lambda *p: seen.append(p))
    assert len(seen) == 9, "nothing was decoded again"
    draw(signs / "1" / "0.png", (1, 2, 3), size=(33, 33))
    read_labelled(signs, size=8, progress=lambda *p: seen.append(p))
    assert len(seen) == 18


@pytest.mark.parametrize("read", [read_labelled, read_loose])
def test_broken_pictures_are_counted_and_named(signs, read):
    for name in ("1", "2"):
        data = (signs / name / "1.png").read_bytes()
        (signs / name / "1.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(PictureError, match=r"(?s)2 of 9 .*1/1\.png.*2/1\.png"):
        read(signs, size=8)


def test_folders_that_do_not_fit(tmp_path, signs, draw):
    with pytest.raises(DataError, match="does not exist"):
        read_labelled(tmp_path / "nowhere", size=8)
    with pytest.raises(DataError, match="is a file"):
        read_labelled(signs / "1" / "0.png", size=8)
    with pytest.raises(DataError, match="3 loose picture"):
        read_labelled(signs / "1", size=8)
    with pytest.raises(DataError, match="no known class: 10"):
        read_labelled(signs, size=8, classes=("1", "2"))
    (signs / "empty").mkdir()
    with pytest.raises(DataError, match="no picture in the class folder.* empty"):
        read_labelled(signs, size=8)
    with pytest.raises(DataError, match="holds no picture"):
        read_loose(signs / "empty", size=8)
    draw(signs / "empty" / "a.png")
    draw(signs / "lost.png")
    with pytest.warns(UserWarning, match=r"lost\.png"):
        read_labelled(signs, size=8)


def test_given_classes_set_the_order(signs):
    found = read_labelled(signs, size=8, classes=("10", "x", "2", "1"))
    assert found.classes == ("10", "x", "2", "1") and found.counts == (3, 0, 3, 3)


def test_loose_pictures_at_any_depth(tmp_path, draw):
    for name in ("a.png", "b/c.jpg", "b/d/e.bmp"):
        draw(tmp_path / "t" / name)
    found = read_loose(tmp_path / "t", size=8, classes=("x", "y"))
    assert len(found) == 3 and found.labels is None and found.classes == ("x", "y")


def test_packing_a_folder(tmp_path, signs, draw):
    out = pack_folder(signs, tmp_path / "out", size=10, terms="mine")
    found = read_pack(out, verify=True)
    assert found.counts == (3, 3, 3) and found.size == (10, 10)
    again = read_labelled(out, size=6, channels=1)
    assert again.images.shape == (9, 6, 6, 1) and again.classes == ("1", "2", "10")
    draw(signs / "lost.png")
    assert read_pack(pack_folder(signs, tmp_path / "loose", size=10)).labels is None
    with pytest.raises(DataError, match="no labels"):
        read_labelled(tmp_path / "loose", size=10)
    with pytest.raises(DataError, match="inside the folder"):
        pack_folder(signs, signs / "1" / "out", size=10)
    assert read_loose(out, size=10).labels is None


def _voc(folder, draw, name="001", box=(10, 20, 30, 40), label="Stop", where="images", suffix=".jpg"):
    draw(folder / where / f"{name}{suffix}", size=(64, 48))
    sides = "".join(f"<{s}>{v}</{s}>" for s, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    (folder / "annotations").mkdir(exist_ok=True)
    xml = f"<annotation><filename>{name}{suffix}</filename><object><name>{label}</name><bndbox>{sides}</bndbox></object></annotation>"
    (folder / "annotations" / f"{name}.xml").write_text(xml)
    return folder / "annotations" / f"{name}.xml"


def test_voc_boxes_with_a_border(tmp_path, draw):
    _voc(tmp_path, draw)
    _voc(tmp_path, draw, "002", (0, 0, 64, 48), "Yield", "JPEGImages", ".png")
    (tmp_path / "other.xml").write_text("<project/>")
    first, second = voc_boxes(tmp_path, border=0.1)
    assert (first.label, first.box, first.picture.name) == ("Stop", (8, 18, 32, 42), "001.jpg")
    assert second.label == "Yield" and second.box[:2] == (0, 0)


def test_voc_damage_is_named(tmp_path, draw):
    path = _voc(tmp_path, draw, box=(30, 20, 10, 40))
    with pytest.raises(DataError, match=r"001\.xml.*no area"):
        voc_boxes(tmp_path)
    path = _voc(tmp_path, draw, box=("", 20, 10, 40))
    with pytest.raises(DataError, match="lacks a side"):
        voc_boxes(tmp_path)
    path.write_text(path.read_text()[:-20])
    with pytest.raises(DataError, match="not a readable annotation"):
        voc_boxes(tmp_path)
    _voc(tmp_path, draw)
    (tmp_path / "images" / "001.jpg").unlink()
    with pytest.raises(DataError, match="no such picture"):
        voc_boxes(tmp_path)


def test_resizing_and_channels():
    images = np.random.default_rng(0).integers(0, 256, (5, 20, 20, 3), np.uint8)
    assert resized(images, 20) is images and with_channels(images, 3) is images
    assert resized(images, 10).shape == (5, 10, 10, 3) and resized(images[..., :1], 31).shape == (5, 31, 31, 1)
    grey = with_channels(images, 1)
    assert np.abs(grey[..., 0] - images @ np.array([0.299, 0.587, 0.114])).max() <= 0.51
    assert (with_channels(grey, 3) == grey).all() and with_channels(grey, 3).shape[3] == 3
    flat = np.full((1, 16, 16, 1), 99, np.uint8)
    assert (resized(flat, 28) == 99).all() and (resized(flat, 7) == 99).all()
