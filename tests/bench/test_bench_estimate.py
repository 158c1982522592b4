"""How long cells will take: by pictures and pace, from cells that are like them, and never a 0 for what nobody knows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dazoo.bench.cells import Cell
from dazoo.bench.cells import digest
from dazoo.bench.estimate import Pace
from dazoo.bench.estimate import makespan
from dazoo.bench.estimate import pictures
from dazoo.bench.fields import Cost
from dazoo.bench.record import Record
from dazoo.bench.stores import FolderStore
from dazoo.cli.main import main
from dazoo.engine.settings import LEAST_STEPS
from dazoo.registry.names import Recipe
from dazoo.registry.names import parse
from dazoo.registry.plugins import zoo
from dazoo.runs.plan import make_plan
from tests.bench.synthetic import KINDS
from tests.bench.synthetic import as_json
from tests.bench.synthetic import record


SETTINGS = {"epochs": 2, "steps_per_epoch": 50, "batch": 32, "size": 32}


def done(name: str = "net-dann-a2b", rate: float = 100.0, parts: dict[str, Any] | None = None, device: str = "cpu", **more: Any):
    """A finished cell that read `rate` pictures a second."""
    settings = {**SETTINGS, **more.pop("settings", {})}
    found = as_json(name, settings=settings, **more)
    found["identity"]["arguments"] = parts or {}
    found["id"] = digest(found["identity"])
    found["cost"] = {"seconds": 64.0, "images_per_second": rate, "memory": 2**30, "device_memory": 2**31}
    found["batch"] = {"asked": settings["batch"], "used": settings["batch"]}
    found["machine"]["device"] = device
    return Record.from_json(found, name)


def asked(name: str = "net-dann-a2b", parts: dict[str, Any] | None = None, larger: int = 0, gan: bool = False, **settings: Any):
    """A cell to come."""
    backbone, middle, scenario = name.split("-")
    values = (backbone, middle if gan else None, None if gan else middle, scenario)
    identity = {"settings": {**SETTINGS, **settings}, "arguments": parts or {}}
    return Cell(Recipe(**dict(zip(KINDS, values, strict=True))), 0, {}, identity, larger)


def test_the_time_is_pictures_over_pace_whatever_the_settings_of_the_measured_cell():
    pace = Pace([done(rate=100.0), done(seed=1, rate=200.0)], "there")
    found = pace.expected(asked(epochs=4, batch=16))  # 2 domains x 4 epochs x 50 steps x 16 pictures
    assert (found.low, found.seconds, found.high) == (32.0, 48.0, 64.0)
    assert (found.n, found.like, found.where) == (2, "recipe", "there")
    assert pace.expected(asked(size=64, batch=16, epochs=4)).low == 4 * 32.0, "twice the side is four times the pixels"


def test_an_epoch_of_one_pass_is_over_the_larger_domain():
    assert pictures(asked(steps_per_epoch=0, larger=6400)) == 2 * 2 * 200 * 32
    assert pictures(asked(steps_per_epoch=0, larger=64)) == 2 * 2 * LEAST_STEPS * 32
    assert Pace([done()], "").expected(asked(steps_per_epoch=0, larger=6400)).seconds == 256.0


def test_closer_cells_come_first_and_strangers_are_not_asked():
    recipe, elsewhere = done(rate=1.0), done("net-dann-c2d", rate=2.0)
    backbone, gan = done("net-cdan-a2b", rate=4.0), done("net-dcgan-a2b", rate=8.0, gan="dcgan")
    rates = {"recipe": 1.0, "backbone, GAN and method": 2.0, "backbone and scenario": 4.0}
    left = [gan, backbone, elsewhere, recipe]
    while len(left) > 1:
        found = Pace(left, "").expected(asked())
        assert found.n == 1 and found.seconds == pytest.approx(6400 / rates.pop(found.like))
        left.pop()
    assert not rates and Pace(left, "").expected(asked()) is None, "a GAN's pace says nothing of a method's"
    assert Pace(left, "").expected(asked("net-cyclegan-a2b", gan=True)).seconds == 800
    wide = {"backbone": {"width": 64}}
    assert Pace([recipe], "").expected(asked(parts=wide)) is None
    assert Pace([done(parts=wide)], "").expected(asked(parts=wide)).n == 1


def test_only_the_same_kind_of_machine_is_asked_where_it_is_known():
    records = [done(rate=1000.0, device="NVIDIA H100"), done(rate=10.0)]
    assert Pace(records, "").expected(asked()).n == 2
    assert Pace(records, "", ("cpu", "Linux x86_64")).expected(asked()).seconds == 640
    assert Pace(records, "", ("cpu", "Darwin arm64")).expected(asked()) is None


def test_failed_cells_and_those_without_a_pace_are_left_out():
    silent = replace(done(), cost=Cost(64.0, None, 2**30, 2**31))
    assert Pace([silent, record(error={"type": "E"}, settings=SETTINGS), record()], "").expected(asked()) is None


def test_memory_grows_with_the_step_and_does_not_shrink():
    pace = Pace([done()], "")
    found = [pace.expected(asked(batch=batch)) for batch in (8, 32, 64)]
    assert [m.device_memory for m in found] == [2**31, 2**31, 2**32] and {m.memory for m in found} == {2**30}


@pytest.mark.parametrize(("workers", "least"), [(1, 100), (2, 60), (9, 60)])
def test_all_cells_take_their_share_of_the_workers_and_no_less_than_the_longest(workers, least):
    assert makespan([60, 20, 20], workers) == least


def test_pictures_are_those_that_a_finished_cell_has_read():
    """The formula against the cells that ship: rate x seconds is what their trainer counted."""
    records = list(FolderStore(Path(__file__).parents[2] / "benchmarks" / "results").records())
    one_stage = [r for r in records if r.recipe.method is None or not zoo().methods.resolve(r.recipe.method).adapts_trained]
    assert len(one_stage) > 20
    for r in one_stage:
        read = r.cost.images_per_second * r.cost.seconds
        assert pictures(Cell(r.recipe, r.seed, {}, r.identity)) == pytest.approx(read, rel=0.01)


def test_the_command_line_says_how_sure_it_is_and_what_it_does_not_know(tmp_path, capsys):
    settings = ["size=16", "steps_per_epoch=50", "epochs=2", "batch=32"]
    pairs = [word for pair in settings for word in ("--set", pair)]
    place = FolderStore(tmp_path / "measured")
    for seed, rate in enumerate((10.0, 20.0)):
        known = done("lenet-source-synsigns", rate, seed=seed, settings={"size": 16})
        folder = tmp_path / "staging"
        folder.mkdir()
        (folder / "cell.json").write_text(known.to_text())
        place.commit(known.path, folder)
    command = ["bench", "run", "--backbones", "lenet,fcn", "--methods", "source", "--scenarios", "synsigns", "--seeds", "3", *pairs]
    command += ["--dry-run", "--device", "cpu", "--executor", "submitit", "--executor-set", "cluster=local", "--workers", "2"]
    command += ["--out", str(tmp_path / "none"), "--rates", place.address]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = [row["expected"] for row in found["cells"]]
    assert [row and (row["low"], row["seconds"], row["high"], row["n"]) for row in rows] == [(320, 480, 640, 2), None] * 3
    assert (found["unknown"], found["low"], found["seconds"], found["high"]) == (3, 480, 720, 960)
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "8 min (5.3 min to 10.7 min)" in out and "2 of its recipe" in out and "not known" in out
    assert "6 to run: at least 12 min (8 min to 16 min) with 2 at a time" in err and "3 cells resemble none" in err and place.address in err
    assert main([*command, "--rates", str(tmp_path / "none"), "--quiet"]) == 0
    assert "no time is known; 6 cells" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_cells_know_how_large_the_larger_domain_is():
    from dazoo.bench.plan import plan_cells

    (cell,) = plan_cells([(parse("lenet-source-synsigns", zoo()), 0, {"size": 16, "steps_per_epoch": 0})], zoo())
    domains = make_plan(zoo(), cell.name, settings=cell.settings).load(zoo())
    assert cell.larger == max(len(domains.source_train), len(domains.target_train)) > 0
