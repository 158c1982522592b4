"""Sources beside folders: tables, image lists, and data sets of torch, torchvision and Hugging Face."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from dazoo.contracts import rows
from dazoo.data import own_domains
from dazoo.data.items import as_image
from dazoo.data.sources import opened
from dazoo.data.sources import short_sides
from dazoo.data.tables import read_table
from dazoo.errors import DataError
from dazoo.errors import PictureError


COLOURS = {"cat": (250, 0, 0), "dog": (0, 250, 0), "owl": (0, 0, 250)}


@pytest.fixture
def root(tmp_path, draw):
    for name, colour in COLOURS.items():
        for k in range(4):
            draw(tmp_path / "photos" / name / f"my {k}.png", colour, size=(20 + k, 16))
            draw(tmp_path / "new" / f"{name}{k}.png", tuple(c // 2 + 20 for c in colour), size=(18, 18))
    return tmp_path


def table(root, name, lines):
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root / name


def sides(source, target, **more):
    return own_domains(source, target, size=16, **more)


def rows_of(root, start="", join=","):
    return [f"{start}photos/{name}/my {k}.png{join}{name}" for name in COLOURS for k in range(4)]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("a.csv", rows_of(None)),
        ("a.csv", ["path,label", *rows_of(None)]),
        ("a.csv", ["id,Label,File", *(f"{i},{r.split(',')[1]},{r.split(',')[0]}" for i, r in enumerate(rows_of(None)))]),
        ("a.csv", ["\ufeffimage;class", *rows_of(None, join=";")]),
        ("a.tsv", ["", *rows_of(None, join="\t"), ""]),
        ("a.txt", rows_of(None, join=" ")),
        ("lists/a.txt", rows_of(None, join=" ")),
        ("a.CSV", [r.replace("photos", "./photos") for r in rows_of(None)]),
    ],
)
def test_tables_give_what_the_folders_give(root, name, lines):
    folders = sides(root / "photos", root / "new")
    found = sides(table(root, name, lines), root / "new")
    assert found.source_train.classes == folders.source_train.classes == ("cat", "dog", "owl")
    for a, b in ((found.source_train, folders.source_train), (found.source_test, folders.source_test)):
        assert (a.images == b.images).all() and (a.labels == b.labels).all()


def test_numbers_of_an_image_list_stand_for_folders(root):
    number = {"cat": 2, "dog": 0, "owl": 10}
    lines = [f"photos/{n}/my {k}.png {number[n]}" for n in COLOURS for k in range(4)]
    found = sides(table(root, "list/photos.txt", lines), root / "new")
    assert found.source_train.classes == ("dog", "cat", "owl"), "in the order of their numbers"
    bare = [f"new/{n}{k}.png {number[n]}" for n in COLOURS for k in range(4)]
    alone = sides(table(root, "list/new.txt", bare), root / "new")
    assert alone.source_train.classes == ("0", "2", "10"), "one folder for all numbers says nothing"
    both = sides(root / "list" / "new.txt", root / "list" / "photos.txt")
    assert both.target_test.counts == (4, 4, 4), "the numbers fit, so they count"


def test_labels_of_a_target_table_count_and_nothing_else(root):
    known = table(root, "t.csv", [f"new/{n}{k}.png,{n.upper()}" for n in COLOURS for k in range(4)])
    with pytest.warns(UserWarning, match="another spelling"):
        assert sides(root / "photos", known).target_test.counts == (4, 4, 4)
    some = table(root, "s.csv", ["path,label", *(f"new/{n}{k}.png,{n if k else ''}" for n in COLOURS for k in range(4))])
    with pytest.warns(UserWarning, match=r"3 picture\(s\) without a label"):
        d = sides(root / "photos", some)
    assert d.target_train.labels is None and len(d.target_train) == 12 and d.target_test.counts == (3, 3, 3)
    none = table(root, "n.csv", ["path", *(f"new/{n}{k}.png" for n in COLOURS for k in range(4))])
    assert sides(root / "photos", none).target_test.labels is None
    strange = table(root, "x.csv", [f"new/cat0.png,cow{i}" for i in range(1)])
    with pytest.warns(UserWarning, match="cow0.* are no class of the source"):
        assert sides(root / "photos", strange).target_test.labels is None
    mixed = table(root, "m.csv", ["new/cat0.png,cat", "new/dog1.png,cow"])
    with pytest.raises(DataError, match=r"beside others \(cow\), such as .*m.csv, line 2"):
        sides(root / "photos", mixed)
    assert sides(root / "photos", mixed, target_labelled=False).target_test.labels is None


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["path,label", "photos/cat/my 0.png,cat", "photos/cat/nope.png,cat"],
            r"1 of 2 files are not there:\n  line 3: photos/cat/nope.png",
        ),
        (["photos/cat/my 0.png,cat", ",dog"], "line 2: no path in column 1"),
        (["photos/cat/my 0.png,cat", "", "photos/cat/my 0.png,dog"], "line 3: .* is labelled 'dog', and in line 1 'cat'"),
        (["photos/cat/my 0.png,cat", "photos/dog/my 0.png,"], "line 2: no label"),
        (["", ""], "lists no picture"),
        (['photos/cat/my 0.png,"cat', "x"], "cannot be read as a table"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_line(root, lines, said):
    with pytest.raises(DataError, match=said):
        sides(table(root, "bad.csv", lines), root / "new")


def test_a_table_in_another_encoding_is_told(root):
    (root / "latin.csv").write_bytes("photos/cat/my 0.png,grün\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8 text"):
        opened(root / "latin.csv")


class Mine(Dataset):
    """A map-style data set as people write them."""

    def __init__(self, kind="pair", classes=("cat", "dog", "owl"), form="pil"):
        self.kind, self.form = kind, form
        if classes:
            self.classes = list(classes)

    def __len__(self):
        return 12

    def __getitem__(self, i):
        if not 0 <= i < 12:
            raise IndexError(i)
        colour = list(COLOURS.values())[i % 3]
        pixels = (np.linspace(0, 1, 20)[None, :, None] * np.ones((16, 1, 1)) * np.array(colour)).astype(np.uint8)
        tensor = torch.from_numpy(pixels).permute(2, 0, 1)
        forms = {"pil": Image.fromarray(pixels), "array": pixels, "tensor": tensor, "float": tensor / 255, "normal": tensor / 64 - 2}
        picture = forms[self.form]
        label = torch.tensor(i % 3) if i % 2 else np.int64(i % 3)
        return {"pair": (picture, label), "plain": picture, "keys": {"image": picture, "label": int(label), "id": i}}[self.kind]


@pytest.mark.parametrize("form", ["pil", "array", "tensor", "float"])
@pytest.mark.parametrize("kind", ["pair", "keys"])
def test_a_torch_dataset_on_both_sides(form, kind):
    d = sides(Mine(kind, form=form), Mine("plain", form=form))
    assert d.source_train.classes == ("cat", "dog", "owl") and d.source_train.counts == (3, 3, 3)
    assert d.target_train.labels is None and len(d.target_train) == 12
    first = np.asarray(Mine(form="pil")[0][0].resize((16, 16)))
    assert np.abs(d.target_train.images[0].astype(int) - first.astype(int)).max() <= 12
    reference = sides(Mine(), Mine("plain"))
    assert (np.asarray(d.source_train.images) == reference.source_train.images).all()
    assert sides(Mine(), Mine(form=form)).target_test.counts == (4, 4, 4)


def test_numbers_without_names_are_names():
    assert sides(Mine(classes=None), Mine("plain")).source_train.classes == ("0", "1", "2")


def test_items_that_are_no_pictures_are_named():
    with pytest.raises(PictureError, match=r"Mine, item 0: float values run from -2 to .*leave Normalize out"):
        sides(Mine(form="normal"), Mine("plain"))
    with pytest.raises(DataError, match="item 0: no label"):
        sides(Mine("plain"), Mine())
    with pytest.raises(DataError, match="A generator holds no pictures"):
        sides((x for x in Mine()), Mine())
    with pytest.raises(PictureError, match="shape"):
        as_image(np.zeros((2, 3, 4, 5), np.uint8))


def test_a_data_set_that_is_larger_than_memory_is_kept_on_the_disk(monkeypatch, cache):
    monkeypatch.setattr(rows, "RESIDENT", 1000)
    d, whole = sides(Mine(), Mine("plain")), None
    assert isinstance(d.source_train.images, rows.Rows) and isinstance(d.target_train.images, np.memmap)
    monkeypatch.undo()
    monkeypatch.setenv("DAZOO_CACHE", str(cache))
    whole = sides(Mine(), Mine("plain"))
    assert d.source_train.digest() == whole.source_train.digest() and d.target_train.digest() == whole.target_train.digest()
    assert not [p for p in cache.iterdir() if p.is_file()], "nothing is left behind"


class ClassLabel:
    names = ("cat", "dog", "owl")


class Columns:
    """What a Hugging Face data set looks like from outside."""

    features = {"img": object(), "species": ClassLabel()}
    column_names = ["img", "species"]
    _fingerprint = "abc123"

    def __init__(self):
        self.asked = 0

    def __len__(self):
        return 12

    def __getitem__(self, key):
        if key == "species":
            return [i % 3 if i else -1 for i in range(12)]
        self.asked += 1
        return {"img": Mine()[key][0], "species": key % 3}


def test_a_hugging_face_dataset_has_names_for_its_numbers_and_is_decoded_once():
    target = Columns()
    with pytest.warns(UserWarning, match="1 picture.*without a label"):
        d = sides(Mine(), target)
    assert d.target_test.counts == (3, 4, 4) and target.asked == 12
    again = Columns()
    with pytest.warns(UserWarning):
        sides(Mine(), again)
    assert again.asked == 0, "its fingerprint names the decoded copy"


def test_the_real_library(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(COLOURS))})
    made = datasets.Dataset.from_dict({"image": [Mine()[i][0] for i in range(12)], "label": [i % 3 for i in range(12)]}, features=features)
    made.save_to_disk(str(tmp_path / "saved"))
    d = sides(made, tmp_path / "saved")
    assert d.source_train.classes == ("cat", "dog", "owl") and d.target_test.counts == (4, 4, 4)
    assert (np.asarray(d.target_test.images) == np.asarray(sides(Mine(), Mine()).target_test.images)).all()
    datasets.DatasetDict({"train": made, "test": made}).save_to_disk(str(tmp_path / "splits"))
    with pytest.raises(DataError, match="holds the splits test, train"):
        sides(made, tmp_path / "splits")


def test_a_saved_data_set_without_its_library(tmp_path, monkeypatch):
    import sys

    (tmp_path / "saved").mkdir()
    for name in ("state.json", "dataset_info.json"):
        (tmp_path / "saved" / name).write_text("{}")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"pip install .dazoo\[datasets\]"):
        opened(tmp_path / "saved")


def test_short_sides_are_looked_up(root):
    assert set(short_sides(root / "photos")) == {16} and set(short_sides(root / "new")) == {18}
    assert set(short_sides(table(root, "a.csv", rows_of(root)))) == {16} == set(short_sides(Mine()))
    assert short_sides(root / "nothing") == []


@pytest.mark.parametrize("name", ["labels.csv", "labels.tsv", "list.txt"])
def test_a_file_that_is_no_table_is_told_soon(tmp_path: Path, name: str) -> None:
    """One line without end, and a file with a hole of gigabytes: neither is read to its end."""
    table = tmp_path / name
    table.write_text("a.png,a\n" + "x" * 100_000 + "\n")
    with pytest.raises(DataError, match="line 2 has more than 65,536 characters"):
        read_table(table)
    table.write_bytes(b"")
    os.truncate(table, 2**31)
    with pytest.raises(DataError, match="has 2,147,483,648 bytes, more than any table of pictures"):
        read_table(table)
    table.write_text("x" * 5000 + " a\n")
    with pytest.raises(DataError, match="1 of 1 files are not there"):
        read_table(table)
