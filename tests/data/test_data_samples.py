"""Metadata never makes a picture damaged; depth and range come from the format; only what is damaged is called damaged."""

from __future__ import annotations

import builtins
import errno
import io
import os
import struct
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL import PngImagePlugin

from dazoo.data import read_picture
from dazoo.errors import PictureError


PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8))
TURNED = {1: (8, 12), 2: (8, 12), 3: (8, 12), 4: (8, 12), 5: (12, 8), 6: (12, 8), 7: (12, 8), 8: (12, 8)}


def _bytes(picture: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _tiff_block(*tags: tuple[int, int, int, bytes], order: str = "<") -> bytes:
    start = b"II*\0" if order == "<" else b"MM\0*"
    entries = b"".join(struct.pack(order + "HHI", tag, kind, n) + value for tag, kind, n, value in tags)
    return start + struct.pack(order + "IH", 8, len(tags)) + entries + struct.pack(order + "I", 0)


def _orientation(value: int, order: str = "<") -> tuple[int, int, int, bytes]:
    return (0x0112, 3, 1, struct.pack(order + "HH", value, 0))


ODD_TAGS = {
    "interoperability as text": (0xA005, 2, 4, b"R98\0"),
    "resolution as text": (0x011A, 2, 3, b"72\0\0"),
    "a pointer to nowhere": (0x8769, 4, 1, b"\xff\xff\xff\x7f"),
    "a GPS block that points into itself": (0x8825, 4, 1, b"\x08\0\0\0"),
    "a count beyond the file": (0x010F, 2, 0xFFFFFFF, b"\x08\0\0\0"),
    "a type that does not exist": (0x0110, 99, 1, b"\0\0\0\0"),
    "a fraction over zero": (0x011A, 5, 1, b"\x08\0\0\0"),
    "software that is no text": (0x0131, 2, 4, b"\xff\xfe\xfd\xfc"),
    "bits as text": (0x0102, 2, 2, b"8\0\0\0"),
    "a maker's note": (0x927C, 7, 4, b"\0\1\2\3"),
    "a unit that is none": (0x0128, 3, 1, b"\x63\0\0\0"),
    "tag zero": (0, 0, 0, b"\0\0\0\0"),
}
KINDS = {"JPEG": {}, "PNG": {}, "WEBP": {"lossless": True}}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ODD_TAGS)
def test_odd_tags_are_left_unread(kind, what):
    exif = b"Exif\0\0" + _tiff_block(_orientation(6), ODD_TAGS[what])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(_bytes(PICTURE, kind, exif=exif, **KINDS[kind])).shape == (12, 8, 3)
        assert read_picture(_bytes(PICTURE, kind, exif=exif, **KINDS[kind]), size=4).shape == (4, 4, 3)


@pytest.mark.parametrize("length", [0, 1, 6, 8, 10, 13, 20, 27])
@pytest.mark.parametrize("kind", KINDS)
def test_a_block_that_ends_too_soon(kind, length):
    exif = (b"Exif\0\0" + _tiff_block(_orientation(6), (0x010F, 2, 40, b"\x26\0\0\0")))[:length]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(_bytes(PICTURE, kind, exif=exif, **KINDS[kind])).shape in ((8, 12, 3), (12, 8, 3))


@pytest.mark.parametrize("value", [0, 9, 255, 65535])
def test_orientations_that_are_none(value):
    assert read_picture(_bytes(PICTURE, "JPEG", exif=b"Exif\0\0" + _tiff_block(_orientation(value)))).shape == (8, 12, 3)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("value", range(1, 9))
def test_the_orientation_is_applied_everywhere(kind, value, order):
    if kind == "TIFF":
        data = _bytes(PICTURE, kind, tiffinfo={0x0112: value})
    else:
        data = _bytes(PICTURE, kind, exif=b"Exif\0\0" + _tiff_block(_orientation(value, order), order=order), **KINDS[kind])
    pixels = np.asarray(PICTURE)
    flat = {1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1], 5: pixels.transpose(1, 0, 2)}
    flat |= {6: pixels[::-1].transpose(1, 0, 2), 7: pixels[::-1, ::-1].transpose(1, 0, 2), 8: pixels.transpose(1, 0, 2)[::-1]}
    found = read_picture(data)
    assert found.shape[:2] == TURNED[value]
    assert np.abs(found.astype(int) - flat[value]).mean() < (60 if kind == "JPEG" else 0.01)
    with Image.open(io.BytesIO(data)) as opened:
        assert (read_picture(opened) == found).all(), "who opened it is no matter"


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits"])
def test_tags_of_tiff_that_pillow_cannot_write_back(compression):
    data = _bytes(PICTURE, "TIFF", tiffinfo={0x0112: 6, 0x0131: "x" * 9, 0x8825: 123456}, compression=compression)
    assert (read_picture(data) == np.asarray(PICTURE)[::-1].transpose(1, 0, 2)).all()


def test_colour_profiles_and_other_blocks_that_are_rubbish():
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6" broken'
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", "\nexif\n 4\nzz")
    info.add_itxt("XML:com.adobe.xmp", "<not xml")
    for data, shape in (
        (_bytes(PICTURE, "JPEG", icc_profile=b"rubbish"), (8, 12, 3)),
        (_bytes(PICTURE, "PNG", icc_profile=b"rubbish"), (8, 12, 3)),
        (_bytes(PICTURE, "PNG", pnginfo=info), (8, 12, 3)),
        (_bytes(PICTURE, "JPEG", xmp=xmp), (12, 8, 3)),
        (_bytes(PICTURE, "JPEG", comment=b"\xff" * 99), (8, 12, 3)),
        (_bytes(PICTURE, "WEBP", xmp=xmp), (12, 8, 3)),
        (_bytes(PICTURE, "TIFF", tiffinfo={34675: b"rubbish"}), (8, 12, 3)),
    ):
        assert read_picture(data).shape == shape


def test_remarks_of_pillow_stay_unsaid_and_others_do_not():
    data = _bytes(PICTURE, "JPEG", exif=b"Exif\0\0" + _tiff_block(_orientation(6), (0x010F, 2, 40, b"\x26\0\0\0"))[:30])
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        threads = [threading.Thread(target=lambda: [read_picture(data) for _ in range(20)]) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        warnings.warn("mine", stacklevel=1)
    assert [str(w.message) for w in told] == ["mine"]
    assert list(warnings.filters) == before, "the filters of the caller are back"


def _pgm(value: int, top: int, plain: bool = False) -> bytes:
    if plain:
        return b"P2\n8 8\n%d\n" % top + b" ".join([b"%d" % value] * 64)
    return b"P5\n8 8\n%d\n" % top + np.full((8, 8), value, ">u2" if top > 255 else "u1").tobytes()


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(
    ("value", "top"),
    [(200, 65535), (300, 65535), (65535, 65535), (3, 1023), (5, 1023), (1000, 1023), (1, 1), (7, 15), (9, 255), (4000, 4095)],
)
def test_a_pgm_says_its_range(value, top, plain):
    assert abs(int(read_picture(_pgm(value, top, plain)).max()) - 255 * value / top) <= 1


def _tiff(values: np.ndarray, bits: int, photometric: int = 1, order: str = "<") -> bytes:
    """An uncompressed grey TIFF of one strip."""
    data = values.astype(order + "u2").tobytes()
    tags = [
        (256, values.shape[1]),
        (257, values.shape[0]),
        (258, bits),
        (259, 1),
        (262, photometric),
        (273, 0),
        (277, 1),
        (278, values.shape[0]),
    ]
    tags.append((279, len(data)))
    start = 8 + 2 + 12 * len(tags) + 4
    entries = [(tag, 4 if tag in (273, 279) else 3, 1, start if tag == 273 else value) for tag, value in tags]
    packed = [(t, k, n, struct.pack(order + ("I" if k == 4 else "HH"), *((v,) if k == 4 else (v, 0)))) for t, k, n, v in entries]
    return _tiff_block(*packed, order=order) + data


@pytest.mark.parametrize("value", [0, 3, 200, 300, 40000, 65535])
def test_deep_samples_keep_their_darkness_in_every_format(value):
    deep = Image.fromarray(np.full((8, 8), value, np.uint16))
    for data in (
        _bytes(deep, "PNG"),
        _bytes(deep, "TIFF"),
        _tiff(np.full((8, 8), value), 16),
        _tiff(np.full((8, 8), value), 16, order=">"),
        _bytes(deep, "JPEG2000", irreversible=False),
        _pgm(value, 65535),
        deep,
    ):
        assert abs(int(read_picture(data).max()) - value / 257) <= 1


def test_white_is_zero():
    for value in (0, 200, 65535):
        assert abs(int(read_picture(_tiff(np.full((8, 8), value), 16, photometric=0)).max()) - (255 - value / 257)) <= 1


def test_twelve_bits():
    rows = b"".join(struct.pack("BBB", v >> 4, (v & 15) << 4 | v >> 8, v & 255) for v in [300] * 4) * 8  # two samples in three bytes
    tags = [(256, 8), (257, 8), (258, 12), (259, 1), (262, 1), (273, 122), (277, 1), (278, 8), (279, len(rows))]
    data = _tiff_block(*[(t, 3, 1, struct.pack("<HH", v, 0)) for t, v in tags]) + rows
    assert abs(int(read_picture(data).max()) - 255 * 300 / 4095) <= 1


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_shallow_png(bits):
    picture = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (4, 4)))
    found = read_picture(_bytes(picture.convert("1") if bits == 1 else picture, "PNG", bits=bits))
    assert found.min() == 0 and found.max() == 255


def test_lab_is_converted():
    lab = Image.merge("LAB", [Image.new("L", (8, 8), v) for v in (136, 208, 195)])  # a strong red
    red = read_picture(_bytes(lab, "TIFF"))[4, 4]
    assert red[0] > 200 and red[1] < 60 and red[2] < 60


ACCESS = [errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENAMETOOLONG, errno.ESTALE, errno.ELOOP, errno.ETIMEDOUT]


@pytest.mark.parametrize("code", ACCESS)
def test_what_may_not_be_read_is_not_damaged(tmp_path, monkeypatch, code):
    PICTURE.save(tmp_path / "x.png")
    real = builtins.open

    def refuse(path, *more, **named):
        if os.fspath(path).endswith("x.png"):
            raise OSError(code, os.strerror(code), path)
        return real(path, *more, **named)

    monkeypatch.setattr(builtins, "open", refuse)
    with pytest.raises(PictureError, match="x.png cannot be read") as told:
        read_picture(tmp_path / "x.png")
    assert os.strerror(code) in str(told.value) and "damaged" not in str(told.value) and "remove" not in str(told.value)


def test_a_disk_that_fails_while_it_is_read(tmp_path):
    class Failing(io.BytesIO):
        def read(self, *_):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(PictureError, match="cannot be read: Input/output error"):
        read_picture(Failing())


def test_names_that_no_file_system_takes_and_pipes(tmp_path):
    with pytest.raises(PictureError, match="File name too long"):
        read_picture(tmp_path / ("x" * 300 + ".png"))
    with pytest.raises(PictureError, match="zero byte"):
        read_picture("a\0b.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(PictureError, match="no ordinary file"):
        read_picture(tmp_path / "pipe.png")


def test_no_memory_is_no_damage(monkeypatch):
    def refuse(*_, **__):
        raise MemoryError

    data = _bytes(PICTURE, "PNG")
    monkeypatch.setattr(Image.Image, "convert", refuse)
    with pytest.raises(PictureError, match="more memory"):
        read_picture(data)


@pytest.mark.parametrize("name", ["a.png", "a.eps", "a.jpg", "a"])
def test_a_picture_runs_no_program(tmp_path, monkeypatch, name):
    """EPS would have Pillow call Ghostscript; also PSD, ICO and others that nobody asked for stay closed."""
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    (tmp_path / name).write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n")
    with pytest.raises(PictureError, match="known format"):
        read_picture(tmp_path / name)
    assert not (tmp_path / "ran").exists() and sys.platform


def test_damage_is_still_damage(tmp_path):
    data = _bytes(PICTURE.resize((64, 64)), "TIFF", compression="tiff_lzw")
    Path(tmp_path / "x.tif").write_bytes(data[:200])
    with pytest.raises(PictureError, match=r"x\.tif .*remove"):
        read_picture(tmp_path / "x.tif")
