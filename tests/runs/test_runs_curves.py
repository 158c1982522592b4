"""history.csv and curves.png: what is in them, for runs of every shape, on any thread, and without matplotlib."""

from __future__ import annotations

import csv
import io
import math
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dazoo.engine.loggers import Seen
from dazoo.runs.curves import draw
from dazoo.runs.curves import keep
from dazoo.runs.curves import table


def seen(epochs: int, chosen: int, term: str = "task") -> Seen:
    scores = [{"snd": 2.0 + i, "source_accuracy": 0.2 * i, "dev": -math.inf if i == 1 else -0.1} for i in range(1, epochs + 1)]
    return Seen(scores, [{term: 1.0 / i} for i in range(1, epochs + 1)], "snd", chosen)


RUNS = {
    "one stage and the twin": {"train": seen(4, 2), "source_only": seen(4, 4)},
    "one epoch": {"train": seen(1, 1)},
    "two stages": {"source": seen(3, 3), "adapt": seen(2, 1, "entropy")},
    "a stream, which sees no score": {"source": seen(2, 2), "adapt": Seen([{}], [{"entropy": 1.0}], "", 1)},
    "no loss and no score": {"train": Seen([{}], [{}], "", 1)},
}


def test_the_table_has_a_row_per_epoch_of_each_stage() -> None:
    rows = list(csv.DictReader(io.StringIO(table(RUNS["two stages"]))))
    assert [(r["stage"], r["epoch"], r["chosen"]) for r in rows] == [
        ("source", "1", "0"), ("source", "2", "0"), ("source", "3", "1"), ("adapt", "1", "1"), ("adapt", "2", "0"),
    ]  # fmt: skip
    assert rows[1]["loss.task"] == "0.5" and rows[1]["loss.entropy"] == "" and rows[4]["loss.entropy"] == "0.5"
    assert rows[0]["score.dev"] == "-inf" and rows[2]["score.snd"] == "5.0"


@pytest.mark.parametrize("stages", RUNS.values(), ids=RUNS)
def test_runs_of_every_shape_are_drawn(stages, tmp_path) -> None:
    draw(tmp_path / "curves.png", "fcn-dann, seed 0", stages)
    with Image.open(tmp_path / "curves.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape[1] == 1100 and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 30
    assert [f.name for f in tmp_path.iterdir()] == ["curves.png"]


def test_the_chosen_epoch_is_marked(tmp_path) -> None:
    def red(chosen: int) -> float:
        """Mean column of the mark's colour in the right half, where the score that chooses is."""
        draw(tmp_path / "curves.png", "", {"train": seen(4, chosen)})
        with Image.open(tmp_path / "curves.png") as image:
            pixels = np.asarray(image.convert("RGB")).astype(int)[:, 550:]
        return float(np.nonzero((abs(pixels - (0xC4, 0x44, 0x1C)).sum(2) < 30))[1].mean())

    assert red(1) < red(2) < red(4)


def test_it_is_drawn_on_another_thread_beside_a_persons_own_figures(tmp_path) -> None:
    threads = [threading.Thread(target=keep, args=(tmp_path / str(i), "x", RUNS["one epoch"])) for i in range(4)]
    for i, thread in enumerate(threads):
        (tmp_path / str(i)).mkdir()
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(tmp_path.glob("*/curves.png"))) == 4
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_without_matplotlib_there_is_the_table_and_a_sentence(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert keep(tmp_path, "x", RUNS["one epoch"]) is None
    assert [f.name for f in tmp_path.iterdir()] == ["history.csv"]
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("curves.png is not drawn, because matplotlib is missing") and said.endswith("pip install matplotlib.")
