"""What a person sees of a running grid."""

from __future__ import annotations

import io
import time

from rich.console import Console

from dazoo.bench.driver import Count
from dazoo.bench.view import View
from dazoo.bench.view import drawing
from dazoo.bench.view import read_status
from dazoo.bench.view import standings


def test_the_table_fits_a_terminal_and_cuts_what_a_cell_says_and_nothing_else(tmp_path):
    cell = "lenet-cyclegan-mnist2usps/seed1-1adf9e5feb24"
    (tmp_path / "1adf9e5feb24").mkdir()
    (tmp_path / "1adf9e5feb24" / "log").write_text(
        f"lenet-cyclegan-mnist2usps: epoch 1/5, im 0.52 (chosen: epoch 1), {'task 1.0, ' * 30}\n"
    )
    view = View(tmp_path, quiet=True)
    numbers = {"fcn-x-y/seed1-bbb": (0.6321, 0.5), "fcn-x-y/seed2-ccc": (None, None)}
    errors = {"fcn-x-y/seed0-aaa": "ValueError: boom"}
    view(
        Count(
            42, kept=5, done=7, errors=errors, numbers=numbers, running={cell: time.monotonic() - 12, "fcn-z/seed0-ddd": time.monotonic()}
        )
    )
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(drawing(view.status(), 80))
    bar, count, head, row, starts, ended, newest, before, failed = (line.rstrip() for line in console.export_text().splitlines())
    assert set(bar) == {"━"} and count.startswith("12/42 cells, 1 failed, 2 running")
    assert head.split() == ["RUNNING", "FOR", "SAYS"]
    assert row.split()[:6] == ["lenet-cyclegan-mnist2usps/seed1", "12", "s", "epoch", "1/5,", "im"]
    assert row.endswith("…") and len(row) <= 80
    assert starts.split()[0] == "fcn-z/seed0" and starts.endswith("starting")
    assert ended.split() == ["FINISHED", "CHOSEN", "LAST"]
    assert newest.split() == ["fcn-x-y/seed2", "-", "-"] and before.split() == ["fcn-x-y/seed1", "63.2", "%", "50.0", "%"]
    assert failed == "failed  fcn-x-y/seed0-aaa: ValueError: boom"


def test_another_shell_reads_what_the_driver_wrote(tmp_path):
    assert read_status(tmp_path) is None
    with View(tmp_path / "work", quiet=True) as view:
        view(Count(3, done=2))
    status = read_status(tmp_path / "work")
    assert (status["total"], status["done"], status["left"]) == (3, 2, 1)


def test_elsewhere_a_finished_cell_is_a_line(tmp_path, capsys):
    view = View(tmp_path)
    numbers = {"fcn-x-y/seed1-bbb": (0.6321, 0.5)}
    view(Count(2, done=1, numbers=dict(numbers)))
    view(Count(2, done=2, numbers={**numbers, "fcn-x-y/seed2-ccc": (None, None)}))
    assert capsys.readouterr().err.splitlines() == [
        "finished  fcn-x-y/seed1: chosen epoch 63.2 %, last epoch 50.0 %",
        "finished  fcn-x-y/seed2: no accuracy",
    ]


def test_standings_are_means_over_seeds_best_first():
    numbers = {"a/seed0-x": (0.5, 0.1), "a/seed1-y": (0.7, 0.1), "b/seed0-z": (0.8, 0.1), "c/seed0-w": (None, 0.9)}
    assert standings(Count(4, numbers=numbers)) == [("b", 0.8, 1), ("a", 0.6, 2)]
