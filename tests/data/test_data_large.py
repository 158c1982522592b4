"""Sets that are larger than memory: they are decoded, kept, split and drawn without ever being in it whole."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

from dazoo.contracts import ImageSet
from dazoo.contracts import rows
from dazoo.data import Cropped
from dazoo.data import read_labelled
from dazoo.data import read_picture
from dazoo.data import resized
from dazoo.data import split_classes
from dazoo.data import write_pack
from dazoo.engine.batches import Batches


SIDE = 128


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(600):
        place = tmp_path / "many" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(place / f"{i}.png")
    return tmp_path / "many"


def test_a_folder_is_decoded_in_bounded_memory(folder, monkeypatch):
    monkeypatch.setattr("dazoo.data.decoding.PIECE", 32)
    tracemalloc.start()
    found = read_labelled(folder, size=SIDE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found.images, np.memmap) and found.images.nbytes > 29e6
    assert peak < 0.4 * found.images.nbytes
    first = read_picture(folder / "a" / "0.png", size=SIDE)
    assert (found.images[0] == first).all() and found.counts == (300, 300)


def test_a_large_set_is_split_and_drawn_on_the_disk_with_the_same_bits(folder, monkeypatch):
    def drawn():
        train, held = split_classes(read_labelled(folder, size=SIDE), 0.2, seed=0)
        batches = Batches(train, batch=16, seed=3, balance=True, device=torch.device("cpu"))
        return train, held, batches, [batches(step) for step in (0, 7)]

    train, held, _, in_memory = drawn()
    assert isinstance(train.images, np.ndarray)
    monkeypatch.setattr(rows, "RESIDENT", 10**5)
    monkeypatch.setattr("dazoo.data.decoding.PIECE", 32)  # files that are this young are decoded again
    tracemalloc.start()
    large, large_held, batches, from_disk = drawn()
    kept = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(large.images, rows.Rows) and not isinstance(batches.pixels, torch.Tensor)
    assert kept < 0.4 * train.images.nbytes
    assert large.digest() == train.digest() and large_held.digest() == held.digest()
    for (images, labels), (there, theirs) in zip(in_memory, from_disk, strict=True):
        assert torch.equal(images, there) and torch.equal(labels, theirs)
    again = large.select(np.arange(10))
    assert (np.asarray(again.images[2:4]) == train.images[2:4]).all() and (large.images[np.array([5, 1])] == train.images[[5, 1]]).all()


def test_a_pack_says_the_digest_of_its_set(tmp_path, folder):
    from dazoo.data import pack_info

    small = ImageSet("s", np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3), np.array([1, 0]), ("a", "b"))
    assert pack_info(write_pack(tmp_path / "p", small)).digest == small.digest()


def test_pictures_are_cropped_or_squashed(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200  # the middle third
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert (read_picture(tmp_path / "wide.png", size=Cropped(10)) == 200).all()
    assert read_picture(tmp_path / "wide.png", size=10).min() == 0
    assert (resized(wide[None], Cropped(10)) == 200).all() and resized(wide[None], 10).min() == 0
    square = read_picture(tmp_path / "wide.png", size=12)
    assert (resized(square[None], Cropped(8)) == resized(square[None], 8)).all()


def test_a_cropped_copy_is_not_taken_for_a_squashed_one(tmp_path):
    for name in "ab":
        (tmp_path / "set" / name).mkdir(parents=True)
        pixels = np.zeros((8, 24, 3), np.uint8)
        pixels[:, 8:16] = 255
        Image.fromarray(pixels).save(tmp_path / "set" / name / "x.png")
    squashed, cropped = read_labelled(tmp_path / "set", size=8), read_labelled(tmp_path / "set", size=Cropped(8))
    assert (np.asarray(cropped.images) == 255).all() and not (np.asarray(squashed.images) == 255).all()
