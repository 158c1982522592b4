"""Comparing on a person's own pictures: bench run --source --target, the report of it, and dazoo compare."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import dazoo
from dazoo.errors import DataError


def bench(run, own: SimpleNamespace, settings: list[str], target: Path, *more: str, out: str = "bench") -> SimpleNamespace:
    words = ("bench", "run", "--source", own.source, "--target", target, "--methods", "source,dann", "--seeds", "1", "--out", out, "-q")
    return run(*words, *settings, *more)


def test_cells_on_pictures_without_labels_are_scored_compared_and_reported(run, own, settings, monkeypatch) -> None:
    found = bench(run, own, settings, own.loose, "--backbones", "fcn", "--no-weights")
    assert found.code == 0 and "2 of 2 cells finished" in found.out, found.err
    cells = [json.loads(p.read_text()) for p in sorted(Path("bench/cells").rglob("cell.json"))]
    assert [c["name"] for c in cells] == ["fcn-dann", "fcn-source"]
    assert all(c["numbers"]["last"] is None and c["judged"]["verdict"]["state"] for c in cells)
    assert str(own.source) not in json.dumps(cells) and str(own.loose) not in json.dumps(cells), "no path enters a record"
    again = bench(run, own, settings, own.loose, "--backbones", "fcn", "--no-weights")
    assert "(0 now)" in again.out, "the same command finds its cells"
    moved = own.loose.rename(own.loose.with_name("elsewhere"))
    assert "(0 now)" in bench(run, own, settings, moved, "--backbones", "fcn", "--no-weights").out, "wherever the pictures lie"
    report = run("bench", "report", "--out", "bench")
    assert report.code == 0, report.err
    page, table = Path("bench/report.html").read_text(), Path("bench/leaderboard.md").read_text()
    assert "## Own pictures without labels" in table and "Failed cells" not in table
    assert "Own pictures without labels" in page and re.search(r"<th scope=\"row\">fcn-dann/seed0-", page)
    compared = run("compare", "bench", "--json")
    assert compared.code == 0 and len(compared.json["runs"]) == 2 and compared.json["validator"] == "information_maximisation"
    assert compared.json["reason"] and all(r["accuracy"] is None and r["scores"]["snd"] is not None for r in compared.json["runs"])


@pytest.mark.slow
def test_where_labels_are_there_the_report_counts(run, own, settings) -> None:
    found = bench(run, own, settings, own.labelled, "--backbones", "fcn")
    assert found.code == 0, found.err
    assert run("bench", "report", "--out", "bench").code == 0
    table = Path("bench/leaderboard.md").read_text()
    assert "## own pictures" in table and "without labels" not in table
    runs = run("compare", "bench", "--json").json["runs"]
    assert all(isinstance(r["accuracy"], float) for r in runs)
    models = sorted(Path("bench/cells").glob("*/*/model"))
    assert len(models) == 2 and dazoo.load(models[0]).classes == ("cross", "disc")


def test_runs_of_train_are_compared_and_other_folders_passed_over(run, own, settings, tmp_path) -> None:
    for name in ("fcn-source", "fcn-dann"):
        assert run("train", name, "--source", own.source, "--target", own.loose, "--out", f"runs/{name}", "-q", *settings).code == 0
    Path("runs/notes").mkdir()
    found = run("compare", "runs/fcn-source", "runs/fcn-dann", "runs/notes")
    assert found.code == 0, found.err
    assert {"runs/fcn-source", "runs/fcn-dann"} <= set(found.out.replace("*", " ").split()), found.out
    assert dazoo.compare("runs/fcn-source", "runs/fcn-dann").recommended in {"runs/fcn-source", "runs/fcn-dann", None}
    with pytest.raises(DataError, match="neither a run that has ended, nor results"):
        dazoo.compare("runs/notes")
    other = run("train", "fcn-source", "--source", own.source, "--target", own.source / "cross", "--out", "runs/other", "-q", *settings)
    assert other.code == 1 or run("compare", "runs/fcn-source", "runs/other").code == 1


def test_what_cannot_be_is_said(run, own, settings) -> None:
    half = run("bench", "run", "--source", own.source, "--methods", "dann", "--out", "bench")
    assert half.code == 2 and "both --source and --target" in half.err
    both = bench(run, own, settings, own.loose, "--scenarios", "synsigns")
    assert both.code == 2 and "take the place of scenarios" in both.err
    none = run("bench", "run", "--source", own.source, "--target", own.loose, "--out", "bench")
    assert none.code == 2 and "dazoo list methods" in none.err
