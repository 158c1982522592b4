"""The answer never depends on what carries a picture: its pixels decide, however they are packed."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from dazoo.errors import PictureError
from dazoo.models.inputs import as_input
from dazoo.models.inputs import each
from dazoo.models.inputs import is_one


SHAPES = [(16, 16), (40, 28), (7, 90), (9, 9), (1, 1), (16, 33)]


def _pixels(height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(height * width + channels).integers(0, 256, (height, width, channels), np.uint8)


def _file(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[..., 0]).save(out, "PNG")
    return out.getvalue()


def _floats(pixels: np.ndarray, kind: type = np.float32) -> np.ndarray:
    return (pixels / 127.5 - 1).astype(kind)


def _path(pixels: np.ndarray, place: Path) -> Path:
    (place / "x.png").write_bytes(_file(pixels))
    return place / "x.png"


class Foreign:
    """An array of another library."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values


CARRIERS = {
    "path": _path,
    "text of a path": lambda p, t: str(_path(p, t)),
    "bytes of a path's file": lambda p, t: _file(p),
    "bytearray": lambda p, t: bytearray(_file(p)),
    "memoryview": lambda p, t: memoryview(_file(p)),
    "BytesIO": lambda p, t: io.BytesIO(_file(p)),
    "open file": lambda p, t: _path(p, t).open("rb"),
    "Pillow": lambda p, t: Image.open(io.BytesIO(_file(p))),
    "Pillow, decoded": lambda p, t: Image.fromarray(p if p.shape[2] > 1 else p[..., 0]),
    "array": lambda p, t: p,
    "Fortran order": lambda p, t: np.asfortranarray(p),
    "every second row and column": lambda p, t: np.repeat(np.repeat(p, 2, 0), 2, 1)[::2, ::2],
    "backwards": lambda p, t: p[::-1, ::-1].copy()[::-1, ::-1],
    "read only": lambda p, t: np.frombuffer(p.tobytes(), np.uint8).reshape(p.shape),
    "int16": lambda p, t: p.astype(np.int16),
    "int64": lambda p, t: p.astype(np.int64),
    "big-endian int32": lambda p, t: p.astype(">i4"),
    "uint16": lambda p, t: p.astype(np.uint16) * 257,
    "big-endian uint16": lambda p, t: (p.astype(np.uint16) * 257).astype(">u2"),
    "float32": lambda p, t: _floats(p),
    "float64": lambda p, t: _floats(p, np.float64),
    "big-endian float32": lambda p, t: _floats(p).astype(">f4"),
    "float32, not contiguous": lambda p, t: np.asfortranarray(_floats(p)),
    "masked array": lambda p, t: np.ma.MaskedArray(p),
    "another library's array": lambda p, t: Foreign(p),
    "tensor": lambda p, t: torch.from_numpy(p.transpose(2, 0, 1).copy()),
    "tensor, channels last": lambda p, t: torch.from_numpy(p).permute(2, 0, 1),
    "tensor of int64": lambda p, t: torch.from_numpy(p.transpose(2, 0, 1).astype(np.int64)),
    "tensor of float32": lambda p, t: torch.from_numpy(_floats(p).transpose(2, 0, 1).copy()),
    "tensor of float64": lambda p, t: torch.from_numpy(_floats(p, np.float64)).permute(2, 0, 1),
    "tensor with a gradient": lambda p, t: torch.from_numpy(_floats(p)).permute(2, 0, 1).requires_grad_(),
    "sparse tensor": lambda p, t: torch.from_numpy(_floats(p)).permute(2, 0, 1).to_sparse(),
    "parameter": lambda p, t: torch.nn.Parameter(torch.from_numpy(_floats(p)).permute(2, 0, 1)),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("what", CARRIERS)
def test_one_picture_gives_one_input(tmp_path, what, channels):
    for height, width in SHAPES:
        for own in (1, 3):
            pixels = _pixels(height, width, own)
            given = CARRIERS[what](pixels, tmp_path)
            if width == 1 and what.startswith(("tensor, channels last",)):
                continue
            expected = as_input(_path(pixels, tmp_path), channels=channels, size=16)
            found = as_input(given, channels=channels, size=16)
            assert found.shape == (channels, 16, 16) and found.dtype == torch.float32
            assert (found - expected).abs().max() < 1e-6, (height, width, own)


@pytest.mark.parametrize("what", ["array", "float32", "tensor", "Pillow", "bytes of a path's file"])
def test_transparency_too(tmp_path, what):
    pixels = _pixels(20, 30, 4)
    expected = as_input(_path(pixels, tmp_path), channels=3, size=16)
    assert (as_input(CARRIERS[what](pixels, tmp_path), channels=3, size=16) - expected).abs().max() < 1e-6


@pytest.mark.parametrize("shape", [(20, 30), (16, 16)])
def test_flat_arrays_are_grey(tmp_path, shape):
    pixels = _pixels(*shape, 1)
    expected = as_input(_path(pixels, tmp_path), channels=3, size=16)
    for flat in (pixels[..., 0], torch.from_numpy(pixels[..., 0].copy()), _floats(pixels[..., 0]), np.asmatrix(pixels[..., 0])):
        assert (as_input(flat, channels=3, size=16) - expected).abs().max() < 1e-6


def test_half_precision_is_as_good_as_its_bits(tmp_path):
    pixels = _pixels(16, 16, 3)
    expected = as_input(pixels, channels=3, size=16)
    for half in (_floats(pixels, np.float16), torch.from_numpy(_floats(pixels)).permute(2, 0, 1).half()):
        assert (as_input(half, channels=3, size=16) - expected).abs().max() < 1e-3
    rough = torch.from_numpy(_floats(pixels)).permute(2, 0, 1).bfloat16()
    assert (as_input(rough, channels=3, size=16) - expected).abs().max() < 1e-2


def test_fitting_floats_pass_unrounded():
    fine = torch.linspace(-1, 1, 3 * 16 * 16).view(3, 16, 16)
    assert torch.equal(as_input(fine, channels=3, size=16), fine)
    assert torch.equal(as_input(fine, channels=3, size=None), fine)


def test_black_and_white(tmp_path):
    bits = np.random.default_rng(0).random((16, 20)) > 0.5
    expected = as_input(Image.fromarray(bits), channels=1, size=16)
    for given in (bits, torch.from_numpy(bits), bits.astype(np.uint8) * 255):
        assert torch.equal(as_input(given, channels=1, size=16), expected)


def test_nothing_that_is_given_changes(tmp_path):
    pixels = _pixels(20, 30, 3)
    floats, image = _floats(pixels), Image.open(_path(pixels, tmp_path))
    kept = pixels.copy(), floats.copy()
    for given in (pixels, floats, image, torch.from_numpy(floats)):
        as_input(given if not isinstance(given, Tensor) else given.permute(2, 0, 1), channels=1, size=8)
    assert (pixels == kept[0]).all() and (floats == kept[1]).all()
    assert image.size == (30, 20) and image.mode == "RGB" and image.load() is not None


def test_home_and_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    _path(_pixels(16, 16, 3), tmp_path)
    assert as_input("~/x.png", channels=3, size=16).shape == (3, 16, 16)


BAD = {
    "0-d array": np.array(3),
    "0-d tensor": torch.tensor(3.0),
    "one dimension": np.zeros(5),
    "five channels": np.zeros((8, 8, 5), np.uint8),
    "no pixels": np.zeros((0, 8, 3), np.uint8),
    "complex": np.zeros((8, 8, 3), np.complex64),
    "objects": np.array([[None]]),
    "text": np.array([["a"]]),
    "dates": np.zeros((8, 8), "datetime64[s]"),
    "a record": np.zeros((8, 8), [("r", "u1")]),
    "NaN": np.full((8, 8), np.nan),
    "infinite": np.full((8, 8), np.inf, np.float16),
    "too large for float32": np.full((8, 8), 1e300),
    "0..255 as floats": np.full((8, 8), 200.0),
    "negative whole numbers": np.full((8, 8), -1),
    "meta tensor": torch.zeros(3, 8, 8, device="meta"),
    "complex tensor": torch.zeros(3, 8, 8, dtype=torch.complex64),
    "tensor without pixels": torch.zeros(3, 0, 8),
    "empty bytes": b"",
    "text of a file": b"hello",
    "an empty file": io.BytesIO(),
    "a text file": io.StringIO("hello"),
    "a closed image": None,
    "no path": "a\0b",
    "an address": "https://example.org/a.png",
    "a number": 3,
    "a NumPy number": np.float32(3),
    "an object": object(),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_picture_is_an_error_of_our_own(tmp_path, what):
    given = BAD[what]
    if what == "a closed image":
        given = Image.open(_path(_pixels(8, 8, 3), tmp_path))
        given.close()
    with pytest.raises(PictureError):
        as_input(given, channels=3, size=8)


def test_what_is_one_and_what_are_several(tmp_path):
    ones = [
        b"x",
        bytearray(b"x"),
        memoryview(b"x"),
        io.BytesIO(),
        "a",
        Path("a"),
        np.zeros((2, 2)),
        torch.zeros(3, 2, 2),
        Foreign(np.zeros((2, 2))),
    ]
    assert all(is_one(one) and len(list(each(one))) == 1 for one in ones)
    several = [[b"x", b"y"], ("a", "b"), np.zeros((2, 4, 4, 3)), torch.zeros(2, 3, 4, 4), Foreign(np.zeros((2, 4, 4, 3)))]
    assert all(not is_one(many) and len(list(each(many))) == 2 for many in several)
    assert len(list(each([torch.zeros(2, 3, 4, 4), Foreign(np.zeros((2, 4, 4, 3))), os.devnull]))) == 5
