"""Cells of a person's own pictures: the seed divides the source, and all seeds are one row of the leaderboard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dazoo.bench.cells import Cell
from dazoo.bench.plan import plan_cells
from dazoo.bench.stores import FolderStore
from dazoo.leaderboard.rows import rows_of
from dazoo.registry.names import parse
from dazoo.registry.plugins import zoo


SETTINGS = {"size": 16, "epochs": 1, "steps_per_epoch": 1, "batch": 2}


@pytest.fixture
def own(tmp_path: Path) -> dict[str, Path]:
    rng = np.random.default_rng(0)
    for side in ("source/red", "source/blue", "target"):
        (tmp_path / side).mkdir(parents=True)
        for i in range(6):
            Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(tmp_path / side / f"{i}.png")
    return {"source": tmp_path / "source", "target": tmp_path / "target"}


def cells(own: dict[str, Path]) -> list[Cell]:
    return plan_cells([(parse("fcn-source", zoo()), seed, SETTINGS) for seed in (0, 1)], zoo(), own=own)


def test_the_pictures_are_the_same_for_every_seed_and_changed_ones_are_others(own):
    one, two = cells(own)
    assert one.identity["data"] != two.identity["data"], "other pictures are held out"
    assert one.identity["pictures"] == two.identity["pictures"]
    (own["source"] / "red" / "0.png").rename(own["source"] / "red" / "9.png")
    assert cells(own)[0].identity["pictures"] == one.identity["pictures"], "whatever their order"
    (own["source"] / "red" / "9.png").rename(own["source"] / "blue" / "9.png")
    assert cells(own)[0].identity["pictures"] != one.identity["pictures"], "of another class"


def test_seeds_are_one_row(own):
    record = next(FolderStore(Path(__file__).parents[2] / "benchmarks" / "results").records())
    known = [replace(record, id=c.id, name=c.name, seed=c.seed, recipe=c.recipe, identity=c.identity) for c in cells(own)]
    rows, _ = rows_of(known)
    assert [row.seeds for row in rows] == [(0, 1)] and not rows[0].differs


def test_a_scenario_names_its_pictures_once():
    (cell,) = plan_cells([(parse("fcn-source-synsigns", zoo()), 0, SETTINGS)], zoo())
    assert "pictures" not in cell.identity
