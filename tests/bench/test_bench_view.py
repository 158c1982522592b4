"""What a person sees of a running grid."""

from __future__ import annotations

import io
import time

from rich.console import Console

from dazoo.bench.driver import Count
from dazoo.bench.view import View
from dazoo.bench.view import drawing
from dazoo.bench.view import read_status


def test_the_table_fits_a_terminal_and_cuts_what_a_cell_says_and_nothing_else(tmp_path):
    cell = "lenet-cyclegan-mnist2usps/seed1-1adf9e5feb24"
    (tmp_path / "1adf9e5feb24").mkdir()
    (tmp_path / "1adf9e5feb24" / "log").write_text(f"lenet-cyclegan-mnist2usps: epoch 1: {'snd 1.0 ' * 30}\n")
    view = View(tmp_path, quiet=True)
    view(Count(42, kept=5, done=7, errors={"fcn-x-y/seed0-aaa": "ValueError: boom"}, running={cell: time.monotonic() - 12}))
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(drawing(view.status(), 80))
    bar, count, head, row, failed = (line.rstrip() for line in console.export_text().splitlines())
    assert set(bar) == {"━"} and count.startswith("12/42 cells, 1 failed, 1 running")
    assert head.split() == ["RUNNING", "FOR", "SAYS"]
    assert row.split()[:6] == ["lenet-cyclegan-mnist2usps/seed1", "12", "s", "epoch", "1:", "snd"]
    assert row.endswith("…") and len(row) <= 80
    assert failed == "failed  fcn-x-y/seed0-aaa: ValueError: boom"


def test_another_shell_reads_what_the_driver_wrote(tmp_path):
    assert read_status(tmp_path) is None
    with View(tmp_path / "work", quiet=True) as view:
        view(Count(3, done=2))
    status = read_status(tmp_path / "work")
    assert (status["total"], status["done"], status["left"]) == (3, 2, 1)
