"""Packs: what is written is read, memory-mapped, and damage is named."""

from __future__ import annotations

import json
import os
import stat

import numpy as np
import pytest

from dazoo.contracts import ImageSet
from dazoo.data import is_pack
from dazoo.data import pack_info
from dazoo.data import read_pack
from dazoo.data import write_pack
from dazoo.data.pack import _seal
from dazoo.errors import DataError


@pytest.fixture
def pictures() -> ImageSet:
    rng = np.random.default_rng(0)
    return ImageSet("few", rng.integers(0, 256, (6, 8, 8, 3), np.uint8), np.array([0, 1, 2, 0, 1, 2]), ("a", "b", "c, d"))


def test_a_pack_gives_back_what_was_written_and_is_memory_mapped(tmp_path, pictures):
    write_pack(tmp_path / "p", pictures, terms="none of your business")
    found = read_pack(tmp_path / "p", verify=True)
    assert isinstance(found.images, np.memmap)
    assert (found.images == pictures.images).all() and (found.labels == pictures.labels).all()
    assert (found.name, found.classes) == ("few", ("a", "b", "c, d"))
    info = pack_info(tmp_path / "p")
    assert (info.count, info.shape, info.terms, info.labelled) == (6, (8, 8, 3), "none of your business", True)
    assert info.digest == pictures.digest()


def test_a_pack_without_labels(tmp_path, pictures):
    found = read_pack(write_pack(tmp_path / "p", pictures.unlabelled()))
    assert found.labels is None and not (tmp_path / "p" / "labels.npy").exists()


def test_nothing_is_overwritten_unless_asked_and_then_only_packs(tmp_path, pictures):
    write_pack(tmp_path / "p", pictures)
    with pytest.raises(DataError, match="overwrite=True"):
        write_pack(tmp_path / "p", pictures)
    assert len(read_pack(write_pack(tmp_path / "p", pictures.select(np.arange(2)), overwrite=True))) == 2
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "x.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match="not a pack"):
        write_pack(tmp_path / "holiday", pictures, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["holiday", "p"], "no draft may stay behind"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_its_folder_follows_the_umask(tmp_path, pictures):
    before = os.umask(0o027)
    try:
        made = write_pack(tmp_path / "p", pictures)
    finally:
        os.umask(before)
    assert stat.S_IMODE(made.stat().st_mode) == 0o750


def test_a_failed_write_leaves_nothing(tmp_path, pictures, monkeypatch):
    monkeypatch.setattr(np, "save", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(DataError, match="disk full"):
        write_pack(tmp_path / "p", pictures)
    assert not list(tmp_path.iterdir())


def _json(change):
    def damage(folder):
        meta = json.loads((folder / "pack.json").read_text())
        change(meta)
        meta["record"] = _seal({k: v for k, v in meta.items() if k != "record"})
        (folder / "pack.json").write_text(json.dumps(meta))

    return damage


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / "pack.json").unlink(), "no pack"),
        (lambda f: (f / "pack.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "pack.json").write_text("[]"), "schema None"),
        (_json(lambda m: m.update(schema=9)), "schema 9"),
        (_json(lambda m: m.pop("classes")), "classes"),
        (_json(lambda m: m.update(shape=[8, 8])), "field"),
        (_json(lambda m: m.update(count=5)), r"\(6, 8, 8, 3\)"),
        (_json(lambda m: m.update(classes=["a"])), "1 classes"),
        (lambda f: (f / "images.npy").unlink(), "damaged or incomplete"),
        (lambda f: (f / "images.npy").write_bytes((f / "images.npy").read_bytes()[:-9]), "damaged or incomplete"),
        (lambda f: (f / "images.npy").write_bytes(b""), "damaged or incomplete"),
        (lambda f: (f / "labels.npy").write_bytes(b"no array"), "damaged or incomplete"),
        (lambda f: np.save(f / "labels.npy", np.zeros(6)), "float64"),
        (lambda f: np.save(f / "labels.npy", np.array([{}], dtype=object), allow_pickle=True), "damaged or incomplete"),
    ],
)
def test_damage_is_an_error_of_our_own(tmp_path, pictures, damage, says):
    folder = write_pack(tmp_path / "p", pictures)
    damage(folder)
    with pytest.raises(DataError, match=says):
        read_pack(folder)


def test_verify_finds_changed_pixels(tmp_path, pictures):
    folder = write_pack(tmp_path / "p", pictures)
    images = np.load(folder / "images.npy")
    images[3, 2, 1, 0] ^= 1
    np.save(folder / "images.npy", images)
    read_pack(folder)
    with pytest.raises(DataError, match="digest"):
        read_pack(folder, verify=True)


def test_is_pack(tmp_path, pictures):
    assert not is_pack(tmp_path) and is_pack(write_pack(tmp_path / "p", pictures))
