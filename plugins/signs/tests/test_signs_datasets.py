"""The sign sets in every layout they come in, on small data made here; counts on the real ones where they are."""

from __future__ import annotations

import csv
import os
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dazoo_signs
from dazoo.data import load_scenario
from dazoo.errors import DataError
from dazoo.errors import OfflineError
from dazoo.errors import PictureError
from dazoo.registry.plugins import Plugins
from dazoo_signs.china import China
from dazoo_signs.gtsrb import _COUNTS
from dazoo_signs.gtsrb import GTSRB
from dazoo_signs.india import India


REAL = os.environ.get("DAZOO_REAL_DATA")
real = pytest.mark.skipif(not REAL, reason="needs the real sets: set DAZOO_REAL_DATA to their folder")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def zoo() -> Plugins:
    plugins = Plugins(path=[], environ={})
    record = plugins.load(lambda: dazoo_signs, dist="dazoo-signs")
    assert record.ok, record.error
    return plugins


def _draw(path: Path, value: int = 0, size: tuple[int, int] = (20, 16)) -> Path:
    """A noisy picture whose mean grows with `value`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(value)
    Image.fromarray((rng.integers(0, 120, (size[1], size[0], 3)) + 5 * (value % 25)).astype(np.uint8)).save(path)
    return path


def _gtsrb_train(folder: Path, classes: int = 3, frames: int = 2) -> None:
    for k in range(classes):
        for i in range(frames):
            _draw(folder / f"{k:05d}" / f"00000_{i:05d}.ppm", 10 * k + i)
        (folder / f"{k:05d}" / f"GT-{k:05d}.csv").write_text("Filename;Width\n")


def _gtsrb_test(folder: Path, table: Path, labels: tuple[int, ...] = (2, 0, 1, 2)) -> None:
    rows = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
    for i, label in enumerate(labels):
        _draw(folder / f"{i:05d}.ppm", i)
        rows.append(f"{i:05d}.ppm;20;16;2;2;18;14;{label}")
    table.write_text("\n".join(rows) + "\n")


_LAYOUTS = ["gtsrb/GTSRB/Training", "GTSRB/Training", "GTSRB/Final_Training/Images", "gtsrb/GTSRB/Final_Training/Images"]


@pytest.mark.parametrize("train", _LAYOUTS)
def test_gtsrb_as_torchvision_keeps_it_and_as_the_archives_unpack(tmp_path, train):
    _gtsrb_train(tmp_path / train)
    base = tmp_path / train.split("GTSRB")[0]
    _gtsrb_test(base / "GTSRB/Final_Test/Images", base / "GT-final_test.csv")
    found = GTSRB().load("train", tmp_path, size=24)
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2] and found.images.shape == (6, 24, 24, 3) and len(found.classes) == 43
    assert GTSRB().load("test", tmp_path, size=24).labels.tolist() == [2, 0, 1, 2]


def test_gtsrb_reads_what_torchvision_reads(tmp_path):
    torchvision = pytest.importorskip("torchvision.datasets")
    _gtsrb_train(tmp_path / "gtsrb/GTSRB/Training")
    _gtsrb_test(tmp_path / "gtsrb/GTSRB/Final_Test/Images", tmp_path / "gtsrb/GT-final_test.csv")
    for split in ("train", "test"):
        theirs = torchvision.GTSRB(tmp_path, split=split)
        ours = GTSRB().load(split, tmp_path, size=16)
        assert [label for _, label in theirs] == ours.labels.tolist()
        for (picture, _), image in zip(theirs, ours.images, strict=True):
            assert (np.asarray(picture.resize((16, 16), Image.Resampling.BILINEAR)).mean() - image.mean()) ** 2 < 4


def test_gtsrb_does_not_mix_official_training_pictures_with_an_archives_test(tmp_path):
    _gtsrb_train(tmp_path / "gtsrb/GTSRB/Training")
    np.savez(tmp_path / "gtsrb_48.npz", x=np.zeros((4, 48, 48, 3), np.uint8), y=np.arange(4), split=np.array([0, 0, 1, 1]))
    with pytest.raises(DataError, match=r"'gtsrb' \(test\).*(?s:.*)Final_Test"):
        GTSRB().load("test", tmp_path, size=40)


def test_gtsrb_archives_by_size_and_split(tmp_path):
    x48 = np.full((5, 48, 48, 3), 48, np.uint8)
    np.savez(tmp_path / "gtsrb_48.npz", x=x48, y=np.array([0, 1, 2, 3, 4]), split=np.array([0, 1, 0, 1, 0], np.int8))
    small = {f"x_{s}": np.full((n, 32, 32, 3), 32, np.uint8) for s, n in (("train", 3), ("test", 2))}
    np.savez(tmp_path / "gtsrb_32.npz", **small, y_train=np.arange(3), y_test=np.array([7, 9]))
    large = GTSRB().load("train", tmp_path, size=40)
    assert large.labels.tolist() == [0, 2, 4] and large.size == (40, 40) and large.images[0, 0, 0, 0] == 48
    assert GTSRB().load("test", tmp_path, size=33).labels.tolist() == [1, 3]
    assert GTSRB().load("test", tmp_path, size=32).labels.tolist() == [7, 9]
    (tmp_path / "gtsrb_48.npz").unlink()
    assert GTSRB().load("train", tmp_path, size=40).images[0, 0, 0, 0] == 32
    with pytest.raises(DataError, match="'val'"):
        GTSRB().load("val", tmp_path, size=40)


def test_gtsrb_download_is_kept_and_a_failure_is_explained(tmp_path, monkeypatch):
    datasets = pytest.importorskip("torchvision.datasets")

    def fetch(root, split, download):
        assert download
        _gtsrb_train(Path(root) / "gtsrb/GTSRB/Training")

    monkeypatch.setattr(datasets, "GTSRB", fetch)
    monkeypatch.setitem(_COUNTS["train"], "GTSRB/Training", 6)
    assert len(GTSRB().load("train", tmp_path / "new", size=16, download=True)) == 6
    monkeypatch.setattr(datasets, "GTSRB", lambda *a, **k: (_ for _ in ()).throw(OSError("no network")))
    assert len(GTSRB().load("train", tmp_path / "new", size=16, download=True)) == 6, "what is there is not fetched again"
    with pytest.raises(OfflineError, match="no network"):
        GTSRB().load("train", tmp_path / "other", size=16, download=True)


def test_gtsrb_damage_is_named(tmp_path):
    with pytest.raises(DataError, match="gtsrb_48.npz"):
        GTSRB().load("train", tmp_path, size=40)
    folder = tmp_path / "GTSRB/Training"
    _gtsrb_train(folder)
    (folder / "00001" / "00000_00001.ppm").write_bytes(b"")
    with pytest.raises(PictureError, match=r"00001/00000_00001\.ppm"):
        GTSRB().load("train", tmp_path, size=40)
    _draw(folder / "00043" / "x.ppm")
    with pytest.raises(DataError, match="00043.*from 0 to 42"):
        GTSRB().load("train", tmp_path, size=40)
    _draw(folder / "stop" / "x.ppm")
    (folder / "00043" / "x.ppm").unlink()
    with pytest.raises(DataError, match="'stop' is no number"):
        GTSRB().load("train", tmp_path, size=40)
    _gtsrb_test(tmp_path / "GTSRB/Final_Test/Images", tmp_path / "GT-final_test.csv")
    (tmp_path / "GT-final_test.csv").write_text("Filename,ClassId\na,1\n")
    with pytest.raises(DataError, match="not the official table"):
        GTSRB().load("test", tmp_path, size=40)
    (tmp_path / "GT-final_test.csv").unlink()
    with pytest.raises(DataError) as told:
        GTSRB().load("test", tmp_path, size=40)
    named = [Path(line[4:]) for line in str(told.value).splitlines() if line.startswith("  - ")]
    assert (
        named
        == [p / "GT-final_test.csv" for p in (tmp_path / "GTSRB/Final_Test/Images", *(tmp_path / "GTSRB/Final_Test/Images").parents)][:4]
    )


@pytest.mark.parametrize(
    "table",
    [
        "Filename;ClassId\na.ppm;" + "9" * 20,
        "Filename;ClassId\na.ppm;-1",
        "Filename;ClassId\na.ppm;1.0",
        "Filename;ClassId\na.ppm;\u0664",
        "Filename;ClassId\na.ppm",
        "Filename;ClassId\n" + "x" * 200_000 + ";1",
        "Filename;ClassId\na\0b.ppm;1",
        "Filename;ClassId\n" + "x" * 300 + ".ppm;1",
        "",
    ],
)
def test_a_damaged_table_of_gtsrb_is_an_error_of_our_own(tmp_path, table):
    _gtsrb_test(tmp_path / "GTSRB/Final_Test/Images", tmp_path / "GT-final_test.csv")
    for text in (table.encode(), table.encode("utf-16")):
        (tmp_path / "GT-final_test.csv").write_bytes(text)
        with pytest.raises(DataError):
            GTSRB().load("test", tmp_path, size=40)


def test_a_part_of_gtsrb_is_told_and_no_finished_download(tmp_path):
    _gtsrb_train(tmp_path / "GTSRB/Training")
    with pytest.warns(UserWarning, match="6 of the 26,640"):
        GTSRB().load("train", tmp_path, size=16)
    with pytest.raises(DataError, match="6 of the 26,640.*not unpacked to its end"):
        GTSRB().load("train", tmp_path, size=16, download=True)


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": np.zeros((4, 8, 8), np.uint8)},
        {"x": np.zeros((4, 8, 8, 3), np.float32)},
        {"x": np.uint8(3)},
        {"y": np.arange(3)},
        {"y": np.zeros(4)},
        {"y": np.zeros((4, 1), np.int64)},
        {"y": np.full(4, 99)},
        {"split": np.zeros(3, np.int8)},
    ],
)
def test_archives_that_hold_something_else_are_named(tmp_path, arrays):
    good = {"x": np.zeros((4, 8, 8, 3), np.uint8), "y": np.arange(4), "split": np.array([0, 0, 1, 1])}
    np.savez(tmp_path / "gtsrb_48.npz", **{**good, **arrays})
    with pytest.raises(DataError):
        GTSRB().load("train", tmp_path, size=40)


def _indian_tsr(folder: Path) -> None:
    """Two classes as IndianTSR lays them out: grey photos with a red sign in the box."""
    for group, name in (("Mandatory", "001_Stop"), ("Cautionary", "101_Right_Hand_Curve")):
        for i in range(2):
            photo = np.full((64, 64, 3), 90, np.uint8)
            photo[20:40, 10:30] = (250, 0, 0)
            path = folder / group / name / "images" / f"{name[:3]}_{i:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo).save(path)
            xml = folder / group / name / "annotations" / f"{path.stem}.xml"
            xml.parent.mkdir(exist_ok=True)
            box = "<bndbox><xmin>10</xmin><ymin>20</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
            xml.write_text(f"<annotation><filename>{path.name}</filename><object><name>{name[4:]}</name>{box}</object></annotation>")


@pytest.mark.parametrize("where", ["IndianTSR/sample_dataset", "sample_dataset", "india", "india/sample_dataset"])
def test_india_boxes(tmp_path, where):
    _indian_tsr(tmp_path / where)
    found = India().load("test", tmp_path, size=24)
    assert sorted(found.labels.tolist()) == [0, 0, 27, 27] and found.classes[27] == "Right_Hand_Curve"
    image = found.images[0].astype(int)
    assert (image[5:19, 5:19, 0] > 230).all(), "the sign fills the picture"
    assert image[0, :, 0].max() < 110 and image[:, -1, 0].max() < 110, "with a border of a tenth"


def test_india_folders_with_and_without_numbers(tmp_path):
    _draw(tmp_path / "a/india/Stop/1.jpg")
    _draw(tmp_path / "a/india/Cattle/1.jpg", 7)
    assert sorted(India().load("train", tmp_path / "a", size=16).labels.tolist()) == [0, 42]
    _draw(tmp_path / "b/india/001_Stop/images/1.jpg")
    _draw(tmp_path / "b/india/115_Cattle/images/1.jpg", 7)
    assert sorted(India().load("train", tmp_path / "b", size=16).labels.tolist()) == [0, 42]
    _draw(tmp_path / "b/india/116_Kettle/images/1.jpg", 7)
    with pytest.raises(DataError, match="Kettle"):
        India().load("train", tmp_path / "b", size=16)
    _draw(tmp_path / "a/india/Kettle/1.jpg", 7)
    with pytest.raises(DataError, match="Kettle"):
        India().load("train", tmp_path / "a", size=16)


def test_india_and_china_archives_give_all_pictures_for_both_splits(tmp_path):
    for cls, file in ((India, "indian_signs_48.npz"), (China, "china_tsrd23_48.npz")):
        with pytest.raises(DataError, match=file):
            cls().load("train", tmp_path, size=40)
        np.savez(tmp_path / file, x=np.zeros((4, 48, 48, 3), np.uint8), y=np.arange(4), split=np.array([0, 1, 0, 1]))
        for split in ("train", "test"):
            assert cls().load(split, tmp_path, size=40).labels.tolist() == [0, 1, 2, 3]
    (tmp_path / "india").mkdir()
    os.replace(tmp_path / "indian_signs_48.npz", tmp_path / "india" / "indian_signs_48.npz")
    assert len(India().load("test", tmp_path, size=40)) == 4


def test_china_folders(tmp_path):
    _draw(tmp_path / "china/No entry/1.png")
    _draw(tmp_path / "china/Give way/1.png")
    assert sorted(China().load("test", tmp_path, size=16).labels.tolist()) == [6, 14]


@pytest.mark.parametrize(("file", "columns", "rows"), [("gtsrb2india.csv", 5, 22), ("gtsrb2china.csv", 3, 11)])
def test_the_mappings_name_classes_that_exist(file, columns, rows):
    table = list(csv.DictReader(resources.files("dazoo_signs").joinpath(file).read_text(encoding="utf-8").splitlines()))
    assert len(table) == rows
    sets = {"gtsrb": GTSRB(), "india": India(), "china": China()}
    for name, data in sets.items():
        assert {row[name] for row in table if name in row} <= set(data.classes)
    assert len([c for c in table[0] if c != "pictogram"]) == columns
    assert all(row["name"] == row["gtsrb"] for row in table)


def test_a_scenario_end_to_end_on_small_data(tmp_path, zoo):
    scenario = zoo.scenarios.build("gtsrb2india")
    table = list(csv.DictReader(resources.files("dazoo_signs").joinpath("gtsrb2india.csv").read_text(encoding="utf-8").splitlines()))
    german, indian = GTSRB().classes, India().classes
    for i, row in enumerate(table):
        _draw(tmp_path / f"gtsrb/GTSRB/Training/{german.index(row['gtsrb']):05d}/0.ppm", i)
        _draw(tmp_path / f"india/{row['india']}/0.png", i)
    _draw(tmp_path / "india/Cattle/0.png")
    _gtsrb_test(tmp_path / "gtsrb/GTSRB/Final_Test/Images", tmp_path / "gtsrb/GT-final_test.csv", (14, 15, 13))
    d = load_scenario(scenario, tmp_path, size=scenario.settings["size"], zoo=zoo)
    assert d.source_train.classes == tuple(row["name"] for row in table) and d.source_train.counts == d.target_test.counts == (1,) * 22
    assert [d.source_test.classes[k] for k in d.source_test.labels] == ["Stop", "Give way"], "class 15 is not shared"
    assert indian.index("Cattle") == 42 and len(d.target_train) == 22


@real
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "counts"),
    [
        ("gtsrb2india", 40, (22, 2940, 740, 153)),
        ("gtsrb2india", 32, (22, 5380, 5100, 153)),
        ("gtsrb2china", 40, (11, 3140, 780, 897)),
    ],
)
def test_the_real_sets(zoo, name, size, counts):
    d = load_scenario(zoo.scenarios.build(name), REAL, size=size, zoo=zoo)
    assert (len(d.source_train.classes), len(d.source_train), len(d.source_test), len(d.target_test)) == counts
    assert d.target_train.digest() == d.target_test.digest()
    assert min(d.target_test.counts) >= 5
    assert d.target_test.images.shape[1:] == (size, size, 3) and 60 < d.target_test.images.mean() < 160


@real
def test_the_real_class_names():
    names = np.load(Path(REAL) / "gtsrb_48.npz")["class_names"].tolist()
    assert list(GTSRB().classes) == names
    assert list(India().classes) == np.load(Path(REAL) / "indian_signs_48.npz")["class_names"].tolist()
    assert list(China().classes) == np.load(Path(REAL) / "china_tsrd23_48.npz")["class_names"].tolist()
