"""Copies are never stale and never wrong by a bit, and no reader ends in an error that is not dazoo's."""

from __future__ import annotations

import json
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

import dazoo.data.archive
from dazoo.contracts import ImageSet
from dazoo.contracts import Scenario
from dazoo.data import cached
from dazoo.data import files_key
from dazoo.data import own_domains
from dazoo.data import pack_info
from dazoo.data import read_labelled
from dazoo.data import read_npz
from dazoo.data import read_pack
from dazoo.data import voc_boxes
from dazoo.data import write_pack
from dazoo.data.scenario import classes_of
from dazoo.errors import DataError
from dazoo.errors import PictureError


SET = ImageSet("x", np.random.default_rng(0).integers(0, 256, (5, 6, 6, 3), np.uint8), np.arange(5) % 2, ("a", "é"))


@pytest.fixture
def two(tmp_path, draw) -> Path:
    for name, red in (("a", 200), ("b", 20)):
        for i in range(2):
            draw(tmp_path / "s" / name / f"{i}.bmp", (red, 40 * i, 30))
    for file in (tmp_path / "s").rglob("*.bmp"):
        os.utime(file, ns=(10**18, 10**18))  # as an archive leaves them: one time for all
    return tmp_path / "s"


def _swap(folder: Path) -> None:
    (folder / "a" / "0.bmp").rename(folder / "x")
    (folder / "b" / "0.bmp").rename(folder / "a" / "0.bmp")
    (folder / "x").rename(folder / "b" / "0.bmp")


def _rewrite(folder: Path, how: str) -> None:
    one, other = folder / "a" / "0.bmp", (folder / "b" / "0.bmp").read_bytes()
    if how == "in place":
        with one.open("r+b") as file:
            file.write(other)
    elif how == "a new file in its place":
        (folder / "new").write_bytes(other)
        os.replace(folder / "new", one)
    elif how == "a link in its place":
        one.unlink()
        one.symlink_to(folder / "b" / "0.bmp")
    elif how == "a hard link in its place":
        one.unlink()
        os.link(folder / "b" / "0.bmp", one)
    elif how == "one byte":
        with one.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"\x07")
    os.utime(one, ns=(10**18, 10**18))


CHANGES = {
    "swapped": _swap,
    "folders swapped": lambda f: [(f / "a").rename(f / "x"), (f / "b").rename(f / "a"), (f / "x").rename(f / "b")],
    **{how: (lambda f, how=how: _rewrite(f, how)) for how in ("in place", "a new file in its place", "one byte")},
    "a link in its place": lambda f: _rewrite(f, "a link in its place"),
    "a hard link in its place": lambda f: _rewrite(f, "a hard link in its place"),
    "one is gone": lambda f: (f / "a" / "0.bmp").unlink(),
    "one is renamed": lambda f: (f / "a" / "0.bmp").rename(f / "a" / "9.bmp"),
}


@pytest.mark.parametrize("wait", [False, True])
@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_equal_size_and_time_is_seen(tmp_path, two, monkeypatch, what, wait):
    if wait:
        monkeypatch.setattr("dazoo.data.cache._SETTLED", -1e9)  # as if the files had been there for long: their times alone count
    before = np.array(read_labelled(two, size=8).images)
    CHANGES[what](two)
    after = read_labelled(two, size=8)
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path / "other"))
    right = read_labelled(two, size=8)
    assert np.array_equal(after.images, right.images) and np.array_equal(after.labels, right.labels)
    assert what == "one is renamed" or not np.array_equal(before, after.images)


def test_a_change_within_a_tick_of_the_clock_is_seen(tmp_path, monkeypatch):
    file = tmp_path / "x"
    file.write_bytes(b"one")
    state = file.stat()
    first = files_key([file])
    file.write_bytes(b"two")
    monkeypatch.setattr(Path, "stat", lambda self, **_: state)  # the file system's clock did not move
    assert files_key([file]) != first
    monkeypatch.setattr(time, "time", lambda: state.st_ctime + 10)
    assert files_key([file]) == files_key([file]), "later, its times are enough"


def _calls():
    made = []

    def make() -> ImageSet:
        made.append(1)
        return SET

    return made, make


def test_every_flipped_bit_of_a_copy_is_noticed(cache):
    """Each byte of the record and of the headers, and many of the pixels, one bit at a time: the copy is made again, and is right."""
    made, make = _calls()
    cached("x", "key", make)
    folder = next((cache / "packs").iterdir())
    whole = {f.name: f.read_bytes() for f in folder.iterdir()}
    tried = 0
    for name, data in whole.items():
        places = range(len(data)) if name == "pack.json" else [*range(128), *range(128, len(data), 29)]
        for place in places:
            bad = bytearray(data)
            bad[place] ^= 1 << (place % 8)
            (folder / name).write_bytes(bad)
            tried += 1
            found = cached("x", "key", make)
            assert len(made) == tried + 1, f"bit {place % 8} of byte {place} of {name} was not noticed"
            assert np.array_equal(found.images, SET.images) and np.array_equal(found.labels, SET.labels) and found.classes == SET.classes
    assert tried > 500


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "pack.json"])
@pytest.mark.parametrize("how", ["gone", "empty", "half", "a folder", "a link to nothing", "a pipe", "longer", "rubbish", "an archive"])
def test_a_broken_copy_is_made_again(cache, name, how):
    made, make = _calls()
    cached("x", "key", make)
    file = next((cache / "packs").iterdir()) / name
    data = file.read_bytes()
    file.unlink()
    if how == "a folder":
        file.mkdir()
    elif how == "a pipe":
        os.mkfifo(file)
    elif how == "a link to nothing":
        file.symlink_to("nothing")
    elif how == "an archive":
        np.savez(file.with_suffix(".npz"), x=np.zeros(3))
        file.with_suffix(".npz").rename(file)
    elif how != "gone":
        file.write_bytes(
            {"empty": b"", "half": data[: len(data) // 2], "longer": data + b"\0" * 64, "rubbish": b"\x93NUMPY\x01\0v\0{" * 9}[how]
        )
    assert np.array_equal(cached("x", "key", make).images, SET.images)
    assert np.array_equal(cached("x", "key", make).images, SET.images)
    assert len(made) == 2 or how == "longer", "it was made again, and once"


HEADERS = [
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 6, 6, 3), }",
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (-5, 6, 6, 3), }",
    b"{'descr': '|O', 'fortran_order': False, 'shape': (5, 6, 6, 3), }",
    b"{'descr': 'x9', 'fortran_order': False, 'shape': (5, 6, 6, 3), }",
    b"{'descr': '|u1', 'fortran_order': 3, 'shape': 5}",
    b"{'descr': '|u1'",
    b"((((((((((((((((((((((((((((((((((((((",
    b"[" * 300 + b"]" * 300,
    b"'''",
    b"1" * 5000,
    b"\\",
    b"\x00\x01",
    b"__import__('os').system('touch pwned')",
]


@pytest.mark.parametrize("file", ["images.npy", "labels.npy"])
@pytest.mark.parametrize("header", HEADERS)
def test_headers_of_every_sort(tmp_path, file, header):
    folder = write_pack(tmp_path / "p", SET)
    padded = header + b" " * (-(len(header) + 11) % 64) + b"\n"
    body = (folder / file).read_bytes()[128:]
    (folder / file).write_bytes(b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + body)
    with pytest.raises(DataError, match="/p "):
        read_pack(folder)
    archive = tmp_path / "a.npz"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("x.npy", (folder / file).read_bytes())
    with pytest.raises(DataError, match=r"a\.npz"):
        read_npz(archive, ("x",))
    assert not Path("pwned").exists()


RECORDS = {
    "no object": "[]",
    "deep": "[" * 100_000,
    "infinite": '{"schema": 2, "count": 1e999}',
    "twins": '{"schema": 2, "schema": 2}',
    "a long number": '{"schema": ' + "9" * 5000 + "}",
    "another encoding": "{}".encode("utf-16"),
    "not UTF-8": b'{"schema": "\xe9"}',
    "a word": '"x"',
    "nothing": "",
}


@pytest.mark.parametrize("what", RECORDS)
def test_records_of_every_sort(tmp_path, what):
    folder = write_pack(tmp_path / "p", SET)
    text = RECORDS[what]
    (folder / "pack.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    for read in (pack_info, read_pack):
        with pytest.raises(DataError, match=r"p/pack\.json"):
            read(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"count": "5"},
        {"count": 1e999},
        {"shape": [6]},
        {"shape": None},
        {"classes": 3},
        {"classes": ["a"]},
        {"labelled": False},
        {"terms": "other"},
        {"name": "other"},
    ],
)
def test_a_record_that_was_edited_is_refused(tmp_path, change):
    folder = write_pack(tmp_path / "p", SET)
    meta = json.loads((folder / "pack.json").read_text())
    (folder / "pack.json").write_text(json.dumps({**meta, **change}))
    with pytest.raises(DataError, match="digest differs"):
        read_pack(folder)


def test_packs_of_the_first_schema_are_read(tmp_path):
    folder = write_pack(tmp_path / "p", SET)
    meta = json.loads((folder / "pack.json").read_text())
    meta.pop("record")
    (folder / "pack.json").write_text(json.dumps({**meta, "schema": 1}))
    assert read_pack(folder, verify=True).classes == SET.classes


def test_archives_have_bounds(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.zeros((1000, 1000), np.uint8), y=np.zeros(3))
    monkeypatch.setattr(dazoo.data.archive, "MAX_UNPACKED", 10**5)
    assert read_npz(path, ("y",))[0].shape == (3,)
    with pytest.raises(DataError, match=r"a\.npz would unpack to"):
        read_npz(path, ("x",))


def test_no_memory_for_an_archive(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", x=np.zeros(3))

    def refuse(*_, **__):
        raise MemoryError

    monkeypatch.setattr(np.lib.format, "read_array", refuse)
    with pytest.raises(DataError, match="memory|cannot be read"):
        read_npz(tmp_path / "a.npz", ("x",))


BOX = "<object><name>a</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object>"
ANNOTATIONS = {
    "encoding that is none": b'<?xml version="1.0" encoding="none"?><annotation/>',
    "encoding of several bytes": b'<?xml version="1.0" encoding="utf-7"?><annotation/>',
    "encoding that is no text": b'<?xml version="1.0" encoding="hex"?><annotation/>',
    "bytes that are not its encoding": b'<?xml version="1.0" encoding="utf-8"?><annotation>\xff</annotation>',
    "a long file name": f"<annotation><filename>{'x' * 300}.jpg</filename>{BOX}</annotation>".encode(),
    "not a number": f"<annotation>{BOX.replace('>5<', '>nan<')}</annotation>".encode(),
    "infinite": f"<annotation>{BOX.replace('>5<', '>inf<')}</annotation>".encode(),
    "no number": f"<annotation>{BOX.replace('>5<', '>five<')}</annotation>".encode(),
    "unclosed": b"<annotation>",
    "empty": b"",
    "entities": b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><annotation><filename>&c;</filename></annotation>',
    "zero bytes": b"<annotation>\0</annotation>",
}


@pytest.mark.parametrize("what", ANNOTATIONS)
def test_annotations_of_every_sort(tmp_path, draw, what):
    draw(tmp_path / "other.jpg")
    (tmp_path / "one.xml").write_bytes(ANNOTATIONS[what])
    with pytest.raises(DataError, match=r"one\.xml"):
        voc_boxes(tmp_path)


def test_annotations_are_found_once_and_pipes_are_none(tmp_path, draw):
    draw(tmp_path / "a" / "one.jpg")
    (tmp_path / "a" / "one.xml").write_text(f"<annotation>{BOX}</annotation>")
    (tmp_path / "b").symlink_to("a")
    os.mkfifo(tmp_path / "pipe.xml")
    assert len(voc_boxes(tmp_path)) == 1


class Toy:
    classes = ("A", "B")


class Zoo:
    def __init__(self) -> None:
        self.datasets = self

    def build(self, name):
        return Toy()


MAPPINGS = {
    "not UTF-8": b"name,a\n\xe9,A\n",
    "another encoding": "name,a\nA,A\n".encode("utf-16"),
    "a field without end": b"name,a\n" + b"x" * 200_000 + b",A\n",
    "no table": b"",
    "an open quotation": b'name,a\n"A,A\n',
}


@pytest.mark.parametrize("what", MAPPINGS)
def test_mappings_of_every_sort(tmp_path, monkeypatch, what):
    package = f"mapping_{abs(hash(what))}"
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    (tmp_path / package / "m.csv").write_bytes(MAPPINGS[what])
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DataError, match="mapping"):
        classes_of(Scenario(source="a", target="a", mapping=f"{package}:m.csv"), Zoo())


@pytest.mark.parametrize(
    "mapping", ["", ":", "no_such_package:x.csv", "dazoo:nothing.csv", "dazoo", "a b:c", "dazoo:../x", "..:x.csv", "dazoo:a\0b"]
)
def test_mappings_that_are_nowhere(mapping):
    with pytest.raises(DataError, match="mapping"):
        classes_of(Scenario(source="a", target="a", mapping=mapping), Zoo())


def test_a_picture_that_breaks_is_told_again_and_not_cached(two):
    (two / "a" / "0.bmp").write_bytes(b"BM")
    for _ in range(2):
        with pytest.raises(PictureError, match=r"1 of 4 .*(?s:.*)a/0\.bmp"):
            read_labelled(two, size=8)


def test_folders_of_the_cache_keep_to_the_umask(two, cache):
    before = os.umask(0o077)
    try:
        own_domains(two, two / "..", size=8)
    finally:
        os.umask(before)
    modes = {p.stat().st_mode & 0o777 for p in (cache / "packs").rglob("*")}
    assert modes <= {0o700, 0o600}


@pytest.mark.parametrize(
    ("make", "says"),
    [(lambda p: p.mkdir(), "is no ordinary file"), (os.mkfifo, "is no ordinary file"), (lambda p: None, "cannot be read: No such file")],
    ids=["a folder", "a pipe", "nothing"],
)
def test_what_is_no_file_has_no_key(make, says: str, tmp_path: Path) -> None:
    make(tmp_path / "set.npz")
    with pytest.raises(DataError, match=f"set.npz {says}"):
        files_key([tmp_path / "set.npz"])


def test_the_key_of_a_huge_file_takes_a_moment_and_sees_a_change(tmp_path: Path) -> None:
    file = tmp_path / "set.npz"
    file.write_bytes(b"x")
    os.truncate(file, 2**33)  # a hole
    began = time.monotonic()
    first = files_key([file])
    assert time.monotonic() - began < 20
    with file.open("r+b") as opened:
        opened.write(b"y")
    assert files_key([file]) != first
