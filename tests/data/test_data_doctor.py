"""The doctor on pictures that are fine, and on each thing that it looks for; and what training says of the same folders."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dazoo
from dazoo.data import own_domains
from dazoo.data import write_pack
from dazoo.data.doctor import Report
from dazoo.data.doctor import doctor
from dazoo.data.folder import read_labelled
from dazoo.errors import DazooError


def draw(path: Path, seed: int, *, size: int = 48, grey: bool = False, scale: float = 1.0) -> Path:
    """A picture of coarse random patches, which no other seed looks like."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (6, 6, 1 if grey else 3), dtype=np.uint8)
    picture = Image.fromarray(np.repeat(patches, 3, 2) if grey else patches).resize((size, size), Image.Resampling.BICUBIC)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.asarray(picture) * scale).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """Three classes of 22 pictures, and 45 others."""
    for k, name in enumerate(("bus", "car", "van")):
        for i in range(22):
            draw(tmp_path / "source" / name / f"{i}.png", 100 * k + i)
    for i in range(45):
        draw(tmp_path / "target" / f"{i}.png", 1000 + i)
    return tmp_path / "source", tmp_path / "target"


def trains(source: Path, target: Path) -> bool:
    """Whether training takes the pictures."""
    try:
        own_domains(source, target, size=16)
    except DazooError:
        return False
    return True


def said(report: Report, text: str, *, stops: bool = False) -> bool:
    return any(text in remark.text and remark.stops is stops for remark in report.remarks)


def test_good_pictures_are_fine(sides):
    report = doctor(*sides)
    assert report.ok and report.remarks == () and trains(*sides)
    assert str(report).splitlines() == [
        "source source: 66 pictures, 3 classes with 22 to 22; short side 48 to 48 pixels, median 48; 66 RGB",
        "target target: 45 pictures; short side 48 to 48 pixels, median 48; 45 RGB",
        "Fine: nothing would stop training.",
    ]
    assert doctor(sides[0]).ok and "target" not in str(doctor(sides[0]))
    assert dazoo.doctor is doctor


def _one_class(source: Path, target: Path) -> None:
    for name in ("car", "van"):
        for path in (source / name).iterdir():
            path.unlink()
        (source / name).rmdir()


def _nested(source: Path, target: Path) -> None:
    (source.parent / "moved").mkdir()
    source.rename(source.parent / "moved" / "data")
    (source.parent / "moved").rename(source)


def _splits(source: Path, target: Path) -> None:
    (source.parent / "moved").mkdir()
    source.rename(source.parent / "moved" / "train")
    for name in ("bus", "car"):
        draw(source.parent / "moved" / "val" / name / "1.png", 5)
    (source.parent / "moved").rename(source)


def _damaged(source: Path, target: Path) -> None:
    path = source / "car" / "3.png"
    path.write_bytes(path.read_bytes()[:200])


def _empty_class(source: Path, target: Path) -> None:
    (source / "tram").mkdir()


def _partly_known(source: Path, target: Path) -> None:
    for name in ("bus", "boat"):
        (target / name).mkdir()
    for path in list(target.glob("*.png")):
        path.rename(target / ("bus" if int(path.stem) % 2 else "boat") / path.name)


def _pale(source: Path, target: Path) -> None:
    for i, path in enumerate(sorted(target.iterdir())):
        draw(path, 1000 + i, scale=0.03)


def _inside(source: Path, target: Path) -> None:
    target.rename(source / "target")


def _nothing(source: Path, target: Path) -> None:
    for path in target.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_one_class, "one class 'bus'"),
        (_nested, "holds the one folder data, which holds bus, car, van"),
        (_splits, "which hold the folders of the classes"),
        (_damaged, "1 of 66 source pictures cannot be read"),
        (_empty_class, "no picture of tram"),
        (_partly_known, "beside others (boat)"),
        (_pale, "different ranges"),
        (_nothing, "holds no picture"),
    ],
)
def test_what_stops_training_is_found_before(sides, spoil: Callable[[Path, Path], None], says: str):
    spoil(*sides)
    report = doctor(*sides)
    assert said(report, says, stops=True), report
    assert not report.ok and "would stop training" in str(report)
    assert not trains(*sides) or spoil is _nested, "the doctor is stricter than training for one nested folder alone: it becomes a class"


def test_the_target_inside_the_source_and_folders_that_are_not_there(sides, tmp_path):
    _inside(*sides)
    assert said(doctor(sides[0], sides[0] / "target"), "lies inside the source", stops=True)
    assert said(doctor(tmp_path / "nowhere", sides[0] / "target"), "does not exist", stops=True)


@pytest.mark.parametrize("how", ["file", "format", "jpeg"])
def test_the_same_picture_in_both_sides(sides, how: str):
    source, target = sides
    picture = Image.open(source / "bus" / "7.png")
    copy = target / {"file": "x.png", "format": "x.bmp", "jpeg": "x.jpg"}[how]
    copy.write_bytes((source / "bus" / "7.png").read_bytes()) if how == "file" else picture.save(copy, quality=70)
    report = doctor(*sides)
    expected = "look nearly like a target picture" if how == "jpeg" else "1 target pictures are source pictures too"
    assert said(report, expected) and report.ok, report
    assert any(str(copy) in r.text and str(source / "bus" / "7.png") in r.text for r in report.remarks)


def test_copies_within_a_side(sides):
    source, _ = sides
    (source / "bus" / "again.png").write_bytes((source / "bus" / "7.png").read_bytes())
    assert said(doctor(*sides), "1 source pictures are there more than once")
    assert not said(doctor(*sides), "in two classes")
    (source / "van" / "again.png").write_bytes((source / "bus" / "7.png").read_bytes())
    assert said(doctor(*sides), "1 source pictures are there in two classes")
    Image.open(source / "car" / "3.png").resize((96, 96), Image.Resampling.BICUBIC).save(source / "car" / "larger.png")
    assert said(doctor(*sides), "1 pairs of source pictures look nearly the same")


def test_plain_pictures_and_different_ones_are_no_copies(sides):
    source, target = sides
    for i in range(6):  # nearly white, like paper
        Image.fromarray(np.full((48, 48, 3), 250 + i % 5, np.uint8)).save(target / f"white{i}.png")
    assert not any("nearly" in remark.text for remark in doctor(*sides).remarks)


def test_what_is_worth_a_look(sides):
    source, target = sides
    for i in range(45):
        draw(target / f"{i}.png", 1000 + i, size=400, grey=True)
    draw(source / "rare" / "1.png", 1)
    draw(source / "rare" / "2.png", 2, size=10)
    draw(source / "outside.png", 3)
    (source / "bus" / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic")
    draw(source / "Car " / "1.png", 4)
    report = doctor(*sides)
    assert report.ok, report
    for text in (
        "no colour (100 % are grey)",
        "The sides differ in size: median short side 48 and 400",
        "1 of 70 source pictures have a side below 16 pixels" if said(report, "of 70 source") else "have a side below 16 pixels",
        "Few source pictures of rare (2)",
        "The source is lopsided: 22 pictures of",
        "outside the class folders",
        "ending in .heic",
        "differ in spelling alone",
        "A single source picture of",
    ):
        assert said(report, text), (text, report)


def test_a_labelled_target_and_a_small_one(sides):
    source, target = sides
    for i in range(5):
        for name in ("bus", "CAR"):
            draw(target.parent / "small" / name / f"{i}.png", 2000 + i + (10 if name == "bus" else 0))
    report = doctor(source, target.parent / "small")
    assert report.ok and report.target.counts == {"bus": 5, "car": 5}
    assert said(report, "The target has 10 pictures") and said(report, "no picture of van")


def test_packs_are_looked_at_too(sides, tmp_path):
    source, target = sides
    pack = write_pack(tmp_path / "pack", read_labelled(source, size=32))
    report = doctor(pack, target)
    assert report.ok and report.source.count == 66 and report.source.counts == {"bus": 22, "car": 22, "van": 22}


def test_tables_and_data_sets_are_looked_at_too(sides, tmp_path):
    source, target = sides
    table = tmp_path / "signs.csv"
    rows = [f"{p.relative_to(tmp_path)},{p.parent.name}" for p in sorted(source.rglob("*.png"))]
    table.write_text("\n".join(["path,label", *rows]) + "\n")
    named = [(Image.open(p), p.parent.name) for p in sorted(source.rglob("*.png"))]
    for given in (table, named):
        report = doctor(given, target)
        assert report.ok and report.source.counts == {"bus": 22, "car": 22, "van": 22}, report
        assert report.source.facts()["short_side"]["median"] == 48
    report = doctor([*named, (np.zeros((4, 4, 7), np.uint8), "bus")], [picture for picture, _ in named[:50]])
    assert said(report, "1 of 67 source pictures cannot be read", stops=True) and said(report, "50 target pictures are source pictures too")


def test_large_sets_are_sampled_and_counted(sides):
    report = doctor(*sides, most=20)
    assert (report.source.count, len(report.source.looks), report.target.count) == (66, 20, 45)
    assert "looked at 20" in str(report) and report.ok


def test_it_needs_no_torch_and_its_exit_code_says_whether_training_would_start(sides, tmp_path):
    code = "import sys; from dazoo.cli.main import main; r = main(sys.argv[1:]); assert 'torch' not in sys.modules; sys.exit(r)"
    words = [sys.executable, "-c", code, "doctor", "--source", str(sides[0]), "--target", str(sides[1])]
    good = subprocess.run(words, capture_output=True, text=True, check=False)
    assert good.returncode == 0 and good.stdout.endswith("Fine: nothing would stop training.\n"), good.stderr
    _damaged(*sides)
    bad = subprocess.run([*words, "--json"], capture_output=True, text=True, check=False)
    found = json.loads(bad.stdout)
    assert bad.returncode == 1 and not found["ok"] and found["source"]["damaged"] and found["remarks"][0]["stops"]
    assert found["source"]["short_side"] == {"smallest": 48, "median": 48, "largest": 48} and found["target"]["pictures"] == 45
