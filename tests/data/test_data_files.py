"""Every picture is found once, or told: links, loops, second names, hidden files, other endings, folders that may not be read."""

from __future__ import annotations

import os
import random
import warnings
from pathlib import Path

import pytest

from dazoo.data import class_folders
from dazoo.data import picture_files
from dazoo.data import read_labelled
from dazoo.data import scan
from dazoo.data.own import own_domains
from dazoo.errors import DataError


@pytest.fixture
def album(tmp_path, draw) -> Path:
    for name in ("10.png", "2.png", "b/1.png"):
        draw(tmp_path / "album" / name)
    return tmp_path / "album"


def _names(folder: Path) -> list[str]:
    return [os.path.relpath(p, folder) for p in scan(folder).pictures]


def _silent(folder: Path) -> list[Path]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return picture_files(folder)


def test_natural_order_without_a_word(album):
    assert [os.path.relpath(p, album) for p in _silent(album)] == ["2.png", "10.png", "b/1.png"]


def test_the_order_never_depends_on_the_listing(album, draw, monkeypatch):
    for name in ("01.png", "1.png", "001.png"):
        draw(album / name)
    forward, real = _names(album), os.scandir

    class Backward:
        def __init__(self, place):
            with real(place) as entries:
                self.entries = list(entries)[::-1]

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", Backward)
    assert _names(album) == forward


LINKS = {
    "to a folder beside": ("cam", "../else", 1),
    "to one of its own folders": ("again", "b", 0),
    "to one of its own, before it in the alphabet": ("a", "b", 0),
    "to itself": ("loop", "loop", 0),
    "up": ("b/up", "..", 0),
    "to the root": ("all", "/", 0),
    "to nothing": ("gone", "/nowhere/at/all", 0),
    "to a picture beside": ("z.png", "../else/9.png", 1),
    "to a picture that counts": ("z.png", "2.png", 0),
    "to a missing picture": ("z.png", "nothing.png", 0),
}


@pytest.mark.parametrize("what", LINKS)
def test_links_are_followed_once(album, draw, what):
    draw(album.parent / "else" / "9.png")
    link, to, more = LINKS[what]
    (album / link).symlink_to(to)
    found = scan(album)
    assert len(found.pictures) == 3 + more
    assert len({p.resolve() for p in found.pictures}) == 3 + more
    if "counts" in what:
        assert "z.png" in found.passing() and "further name" in found.passing()
    if what in ("to nothing", "to a missing picture"):
        assert "a link to nothing" in found.passing()


def test_two_links_that_lead_to_each_other(album, draw):
    (album.parent / "x").mkdir()
    draw(album.parent / "x" / "9.png")
    (album / "x").symlink_to("../x")
    (album.parent / "x" / "back").symlink_to("../album")
    assert len(scan(album).pictures) == 4


def test_hard_links_count_once(album):
    os.link(album / "2.png", album / "b" / "2 again.png")
    found = scan(album)
    assert len(found.pictures) == 3 and [p.name for p in found.repeats] == ["2 again.png"]
    with pytest.warns(UserWarning, match=r"1 of 4 files .*further name .*2 again\.png"):
        picture_files(album)


def test_file_systems_without_numbers_lose_no_picture(album, monkeypatch):
    real = scan.__globals__["_walk"]
    monkeypatch.setitem(scan.__globals__, "_walk", lambda *a: ((path, (1, 0)) for path, _ in real(*a)))
    assert len(scan(album).pictures) == 3


TOLD = {
    "x.HEIC": "1 ending in .HEIC",
    "x.nef": "ending in .nef",
    "x.psd": "ending in .psd",
    "x.svg": "ending in .svg",
    "x.gz": "ending in .gz",
    "x.mp4": "ending in .mp4",
    "x.jpg~": "ending in .jpg~",
    "x.001": "ending in .001",
    "bare": "without an ending",
    ".x.png": "hidden",
    ".thumbs/x.png": "in hidden folders",
}


@pytest.mark.parametrize("name", TOLD)
def test_what_is_passed_over_is_counted(album, draw, name):
    draw(album / "new.png")
    (album / name).parent.mkdir(exist_ok=True)
    (album / "new.png").rename(album / name)
    with pytest.warns(UserWarning, match=TOLD[name]) as told:
        assert len(picture_files(album)) == 3
    assert len(told) == 1 and "1 of 4 files" in str(told[0].message)


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "labels.CSV",
        "a.json",
        "a.xml",
        "Thumbs.db",
        "._2.png",
        ".DS_Store",
        "README",
        ".git/x.png",
        "__MACOSX/x.png",
        ".ipynb_checkpoints/2-checkpoint.png",
    ],
)
def test_what_nobody_misses_is_not_told(album, name):
    (album / name).parent.mkdir(exist_ok=True)
    (album / name).write_bytes(b"something")
    assert len(_silent(album)) == 3


def test_a_pipe_called_a_picture_is_not_opened(album):
    os.mkfifo(album / "pipe.png")
    with pytest.warns(UserWarning, match="no ordinary file"):
        assert len(picture_files(album)) == 3


def test_a_folder_that_may_not_be_read_is_an_error(album, monkeypatch):
    real = os.scandir

    def refuse(place):
        if os.fspath(place).endswith("b"):
            raise PermissionError(13, "Permission denied", place)
        return real(place)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match="/b cannot be read .Permission denied"):
        picture_files(album)


def test_a_class_that_holds_unread_pictures_alone_says_so(tmp_path, draw):
    draw(tmp_path / "s" / "a" / "1.png")
    (tmp_path / "s" / "b").mkdir()
    (tmp_path / "s" / "b" / "1.heic").write_bytes(b"x")
    with pytest.raises(DataError, match=r"no picture in the class folder.* b\..*1 ending in \.heic"):
        read_labelled(tmp_path / "s", size=8)


def test_class_folders_may_be_links_but_not_round(tmp_path, draw):
    draw(tmp_path / "s" / "a" / "1.png")
    draw(tmp_path / "real" / "1.png", (1, 200, 2))
    (tmp_path / "s" / "b").symlink_to("../real")
    (tmp_path / "s" / "round").symlink_to(".")
    assert [p.name for p in class_folders(tmp_path / "s")] == ["a", "b"]
    assert read_labelled(tmp_path / "s", size=8).counts == (1, 1)


def test_a_picture_in_two_classes_is_told(tmp_path, draw):
    draw(tmp_path / "s" / "a" / "1.png")
    draw(tmp_path / "s" / "b" / "2.png")
    os.link(tmp_path / "s" / "a" / "1.png", tmp_path / "s" / "b" / "1.png")
    with pytest.warns(UserWarning, match=r"further name .*b/1\.png"):
        assert read_labelled(tmp_path / "s", size=8).counts == (1, 1)


def _sides(tmp_path, draw, source: tuple[str, ...], target: tuple[str, ...]) -> tuple[Path, Path]:
    for side, names in (("s", source), ("t", target)):
        for name in names:
            for i in range(2):
                draw(tmp_path / side / name / f"{i}.png", (50 + 20 * i, 90, 30))
    return tmp_path / "s", tmp_path / "t"


SPLITS = [("train", "val"), ("Train", "TEST"), ("training", "validation", "test"), ("train", "cats")]


@pytest.mark.parametrize("names", SPLITS)
def test_parts_of_a_set_taken_for_classes_are_told(tmp_path, draw, names):
    s, t = _sides(tmp_path, draw, names, ("x",))
    with pytest.warns(UserWarning, match="taken for classes"):
        own_domains(s, t, size=8)


def test_parts_that_hold_the_classes_are_an_error(tmp_path, draw):
    s, t = _sides(tmp_path, draw, ("train/a", "train/b", "val/a", "val/b"), ("a", "b"))
    with pytest.raises(DataError, match=r"which hold the folders of the classes \(a, b\).*s/train"):
        own_domains(s, t, size=8)
    for name in ("old/a", "old/b"):
        draw(tmp_path / "deep" / name / "1.png")
    with pytest.warns(UserWarning, match=r"its folders \(old\) .*deep/old holds class folders: name it as the target"):
        own_domains(s / "train", tmp_path / "deep", size=8)


def test_one_side_in_the_other(tmp_path, draw):
    s, t = _sides(tmp_path, draw, ("a", "b"), ("a", "b"))
    with pytest.raises(DataError, match="lies inside the source"):
        own_domains(s, s / "a", size=8)
    (tmp_path / "link").symlink_to(s / "b")
    with pytest.raises(DataError, match="lies inside the source"):
        own_domains(s, tmp_path / "link", size=8)
    with pytest.warns(UserWarning, match="are one folder"):
        own_domains(s, s, size=8)
    with pytest.warns(UserWarning, match="lies inside the target"):
        own_domains(s, tmp_path, size=8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        own_domains(s, t, size=8)


def _reachable(folder: Path) -> set[tuple[int, int]]:
    """Numbers of all pictures below a folder, by the plainest walk: from real place to real place."""
    found, seen, waiting = set(), set(), [folder.resolve()]
    outside = set(folder.resolve().parents)
    while waiting:
        place = waiting.pop()
        if place in seen or place in outside:
            continue
        seen.add(place)
        for path in place.iterdir():
            real = path.resolve()
            if real.is_dir():
                waiting.append(real)
            elif real.is_file() and path.suffix == ".png":
                found.add((real.stat().st_dev, real.stat().st_ino))
    return found


@pytest.mark.parametrize("seed", range(40))
def test_trees_of_links_at_random(tmp_path, seed):
    """Folders, pictures, links in all directions, hard links: each picture is found once, and none is missed."""
    rng = random.Random(seed)
    root = tmp_path / "root"
    folders, files = [root, tmp_path / "outside"], []
    for place in folders:
        place.mkdir()
    for number in range(40):
        place = rng.choice(folders)
        kind = rng.choice(("folder", "file", "file", "link", "link to a file", "hard link"))
        path = place / (f"{number}" if kind in ("folder", "link") else f"{number}.png")
        if kind == "folder":
            path.mkdir()
            folders.append(path)
        elif kind == "link":
            to = rng.choice(folders)
            path.symlink_to(to if rng.random() < 0.5 else os.path.relpath(to, place))
        elif kind == "file" or not files:
            path.write_bytes(b"x")
            files.append(path)
        elif kind == "link to a file":
            path.symlink_to(rng.choice(files))
        else:
            os.link(rng.choice(files), path)
    found = scan(root)
    numbers = [(p.stat().st_dev, p.stat().st_ino) for p in found.pictures]
    assert len(numbers) == len(set(numbers)) and set(numbers) == _reachable(root)
    assert {(p.stat().st_dev, p.stat().st_ino) for p in found.repeats} <= set(numbers)
