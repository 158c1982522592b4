"""`dazoo bench` on results that nobody trained."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import fake
from dazoo.bench import driver
from dazoo.bench.record import Record
from tests.bench.synthetic import record


SAMPLES = {"samples.png": {"sha256": "0" * 64, "bytes": 1}}


def kept(root: Path, made: Record) -> Path:
    """The folder of a finished cell with this record."""
    folder = root / "cells" / made.path
    folder.mkdir(parents=True)
    (folder / "cell.json").write_text(made.to_text())
    return folder


def test_where_nothing_is_left_to_run_no_record_is_read(run, tmp_path, monkeypatch):
    cells = fake.cells(2)
    for cell in cells:
        folder = tmp_path / "cells" / cell.path
        folder.mkdir(parents=True)
        (folder / "cell.json").write_text("{no JSON}")
    monkeypatch.setattr("dazoo.bench.plan.plan_cells", lambda *_: cells)
    found = run("bench", "run", "smoke", "--out", tmp_path)
    assert found.code == 0 and "2 of 2 cells finished (0 now)" in found.out
    monkeypatch.setattr("dazoo.bench.plan.plan_cells", lambda *_: fake.cells(3))
    found = run("bench", "run", "smoke", "--out", tmp_path)
    assert found.code != 0 and "is not JSON" in found.err


def test_the_report_shows_pictures_of_gans_and_needs_none(run, tmp_path):
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "png")
    folder = kept(tmp_path, record("net-dcgan-a2b", gan="dcgan", files=SAMPLES))
    kept(tmp_path, record("net-dcgan-a2b", 1, gan="dcgan", files=SAMPLES))  # was copied without its picture
    (folder / "samples.png").write_bytes(picture.getvalue())
    assert run("bench", "report", "--out", tmp_path).code == 0
    assert (tmp_path / "report.html").read_text().count(base64.b64encode(picture.getvalue()).decode()) == 1


@pytest.mark.parametrize("damage", ["", pytest.param("{", marks=pytest.mark.slow), pytest.param(None, marks=pytest.mark.slow)])
def test_a_record_that_is_empty_cut_off_or_gone_is_said_and_its_cell_runs_again(damage, run, tmp_path, monkeypatch):
    cells = fake.cells(2)
    real = driver.Driver
    monkeypatch.setattr("dazoo.bench.plan.plan_cells", lambda *_: cells)
    monkeypatch.setattr(driver, "Driver", lambda *args, **options: real(*args, **options, trainer=fake.TRAINER))
    assert run("bench", "run", "smoke", "--out", tmp_path, "--workers", "1").code == 0
    file = tmp_path / "cells" / cells[0].path / "cell.json"
    file.unlink() if damage is None else file.write_text(damage)
    status = run("bench", "status", "--out", tmp_path)
    assert "1 cells finished" in status.out
    dry = run("bench", "run", "smoke", "--out", tmp_path, "--dry-run", "--quiet")
    assert "2 cells, 1 to run" in dry.err
    if damage is not None:
        assert f"cells/{cells[0].path}/cell.json is empty or cut off; 'dazoo bench run' runs the cell again" in status.out
        assert f"cells/{cells[0].path}/cell.json is empty or cut off; the cell runs again" in dry.err
        found = run("bench", "report", "--out", tmp_path)
        assert found.code != 0 and f"{cells[0].path}/cell.json is not JSON" in found.err and "Remove the cell" in found.err
    found = run("bench", "run", "smoke", "--out", tmp_path, "--workers", "1")
    assert found.code == 0 and "2 of 2 cells finished (1 now)" in found.out and fake.faults(tmp_path, cells) == []


def test_a_list_that_is_given_in_parts_is_whole(run, tmp_path, monkeypatch):
    """Of an option that is given twice, a command-line parser keeps the last one without a sound."""
    planned: list[str] = []
    monkeypatch.setattr("dazoo.bench.plan.plan_cells", lambda runs, *_: planned.extend(str(recipe) for recipe, *_ in runs) or [])
    asked = ["--backbones", "fcn", "--gans", "dcgan", "--methods", "dann", "--methods", "source,tent", "--scenarios", "gtsrb2india"]
    leave = ["--exclude", "*-tent-*", "--exclude", "*-dcgan-*"]
    found = run("bench", "run", *asked, *leave, "--seeds", "1", "--out", tmp_path, "--dry-run", "--quiet")
    assert found.code == 0 and planned == ["fcn-dann-gtsrb2india", "fcn-source-gtsrb2india"], (found.err, planned)


@pytest.mark.parametrize("command", [["report"], ["compare", "net-dann", "net-source"]])
def test_one_odd_record_is_named(command, run, tmp_path):
    made = record()
    folder = kept(tmp_path, made)
    tree = {**json.loads(made.to_text()), "cost": None}
    del tree["digest"]
    (folder / "cell.json").write_text(json.dumps(tree))
    found = run("bench", *command, "--out", tmp_path)
    assert found.code != 0 and f"{made.path}/cell.json: cost is None; expected an object. Remove the cell" in found.err


def test_a_report_of_nothing_says_what_to_do(run, tmp_path):
    found = run("bench", "report", "--out", tmp_path)
    assert found.code != 0 and "has no cell yet" in found.err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["status", "report"])
def test_a_look_at_the_results_waits_for_no_torch(command, tmp_path):
    kept(tmp_path, record())
    code = f"import sys; from dazoo.cli.main import main; assert main(['bench', {command!r}, '--out', {str(tmp_path)!r}]) == 0; "
    said = subprocess.run([sys.executable, "-c", code + "print('torch' in sys.modules)"], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "False"


def test_a_grid_ends_with_its_standings_and_what_to_do_now(run, tmp_path, monkeypatch):
    def finished(self, cells):
        count = driver.Count(3, kept=1, done=2)
        count.numbers.update({"a-x/seed0-1": (0.5, 0.4), "b-x/seed0-2": (0.75, 0.4)})
        return count

    monkeypatch.setattr("dazoo.bench.plan.plan_cells", lambda *_: fake.cells(3))
    monkeypatch.setattr(driver.Driver, "run", finished)
    found = run("bench", "run", "smoke", "--out", tmp_path)
    assert found.code == 0 and "3 of 3 cells finished (2 now), 0 failed" in found.out
    assert found.out.index("b-x  75.0 %  1 seed") < found.out.index("a-x  50.0 %  1 seed")
    assert f"now 'dazoo bench report --out {tmp_path}' writes the leaderboard" in found.err
