"""The cache saves time and can never break a run."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest

from dazoo.contracts import ImageSet
from dazoo.data import cached
from dazoo.data import files_key
from dazoo.data import read_npz
from dazoo.errors import DataError


class Maker:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> ImageSet:
        self.calls += 1
        return ImageSet("x", np.full((3, 4, 4, 1), 7, np.uint8), np.zeros(3, np.int64), ("a",))


def test_the_second_time_is_a_memory_map():
    make = Maker()
    for _ in range(2):
        assert isinstance(cached("x", "key", make).images, np.memmap)
    assert make.calls == 1
    cached("x", "other", make)
    assert make.calls == 2


def test_the_wanted_size_is_kept_too(cache):
    make = Maker()
    for _ in range(2):
        found = cached("x", "key", make, size=9)
        assert found.size == (9, 9) and isinstance(found.images, np.memmap)
    assert cached("x", "key", make, size=4).size == (4, 4) and make.calls == 1
    assert sorted(p.name for p in (cache / "packs").iterdir()) == ["x-9-key", "x-key"]


def test_a_damaged_copy_is_made_again(cache):
    make = Maker()
    cached("x", "key", make)
    next(cache.rglob("images.npy")).write_bytes(b"rubbish")
    assert (cached("x", "key", make).images == 7).all() and make.calls == 2
    assert isinstance(cached("x", "key", make).images, np.memmap) and make.calls == 2


def test_a_cache_that_cannot_be_written_costs_a_warning_only(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("DAZOO_CACHE", str(blocked))
    with pytest.warns(UserWarning, match="DAZOO_CACHE"):
        assert (cached("x", "key", Maker()).images == 7).all()


def test_another_process_being_first_is_no_trouble(cache):
    def slow() -> ImageSet:
        cached("x", "key", Maker())  # the other process finishes while this one decodes
        return Maker()()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (cached("x", "key", slow).images == 7).all()


def test_the_key_follows_the_files(tmp_path):
    file = tmp_path / "a.npz"
    file.write_bytes(b"1234")
    first = files_key([file], "train")
    assert first == files_key([file], "train") != files_key([file], "test")
    os.utime(file, ns=(1, 1))
    second = files_key([file], "train")
    file.write_bytes(b"12345")
    os.utime(file, ns=(1, 1))
    assert len({first, second, files_key([file], "train")}) == 3


def test_archives_that_are_wrong_or_broken(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.arange(1000), y=np.arange(3))
    assert read_npz(path, ("y",))[0].tolist() == [0, 1, 2]
    with pytest.raises(DataError, match=r"no array z; it has x, y"):
        read_npz(path, ("x", "z"))
    whole = path.read_bytes()
    middle = bytearray(whole)
    middle[200:260] = b"\0" * 60
    for damaged in (whole[: len(whole) // 2], b"", b"PK\x03\x04 no zip", bytes(middle)):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"a\.npz cannot be read"):
            read_npz(path, ("x", "y"))
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="cannot be read"):
        read_npz(path, ("x",))
