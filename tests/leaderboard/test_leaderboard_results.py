"""The results that are kept: the leaderboard beside them is what their cells give, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from dazoo.bench.stores import open_store
from dazoo.leaderboard.published import read_published
from dazoo.leaderboard.report import write_report


BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize("name", ["leaderboard.md", "leaderboard.csv", "report.html"])
def test_the_leaderboard_is_regenerated_from_the_cells(name, tmp_path):
    records = list(open_store(BENCHMARKS / "results").records())
    write_report(records, tmp_path, published=read_published(BENCHMARKS / "published.toml"))
    assert (tmp_path / name).read_bytes() == (BENCHMARKS / "results" / name).read_bytes(), (
        "run: dazoo bench report --out benchmarks/results --published benchmarks/published.toml"
    )
