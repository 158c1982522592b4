"""Names of files and classes on the command line: a row stays a row, nothing is lost, and advice fits the command."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image


ODD = [
    "tab\there",
    "line\nfeed",
    "two  spaces",
    " edges ",
    "no\u00a0break",
    "\U0001f469\u200d\U0001f680",
    "\x1b[31m",
    os.fsdecode(b"caf\xe9"),
    "back\\slash",
]


def _spelled(text: str) -> str:
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\x1b", "\\x1b").replace(os.fsdecode(b"\xe9"), "\\xe9")


def test_rows_and_fields_stay_whole(run, tmp_path: Path) -> None:
    for i, name in enumerate(ODD):
        Image.new("RGB", (20, 20), (20 * i, 9, 200)).save(tmp_path / "x.png")
        (tmp_path / "x.png").rename(tmp_path / f"{name}.png")
    done = run("predict", "fcn-source-gtsrb2india", tmp_path)
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert done.code == 0 and len(rows) == len(ODD) and {len(row) for row in rows} == {3}
    assert sorted(row[0] for row in rows) == sorted(f"{tmp_path}/{_spelled(name)}.png" for name in ODD)
    named = run("predict", "fcn-source-gtsrb2india", tmp_path, "--json").json
    assert sorted(found["picture"] for found in named) == sorted(f"{tmp_path}/{name}.png" for name in ODD)
    assert all(os.path.exists(found["picture"]) for found in named)


def test_files_that_are_passed_over_are_told(run, tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    (tmp_path / "b.HEIC").write_bytes(b"x")
    (tmp_path / "c.png").symlink_to("nothing")
    done = run("predict", "fcn-source-gtsrb2india", tmp_path)
    assert done.code == 0 and "2 of 3 files are passed over" in done.err and "b.HEIC" in done.err and "c.png" in done.err


def test_the_advice_about_other_classes_can_be_followed(run, settings, own, tmp_path: Path) -> None:
    for name in ("cross", "disc", "private"):
        (tmp_path / "t" / name).mkdir(parents=True)
        for file in sorted(own.loose.glob("*.png"))[:3]:
            (tmp_path / "t" / name / file.name).write_bytes(file.read_bytes())
    words = ["train", "fcn-source", "--source", own.source, "--target", tmp_path / "t", "--out", tmp_path / "o", *settings, "-q"]
    refused = run(*words)
    assert refused.code == 1 and "--no-target-labels" in refused.err and not (tmp_path / "o").exists()
    followed = run(*words, "--no-target-labels", "--json")
    assert followed.code == 0, followed.err
    assert "last" not in followed.json["results"]
