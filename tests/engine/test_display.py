"""A block is shown to somebody who looks, a line per epoch is written elsewhere, and training goes on without either."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from dazoo.contracts import Ending
from dazoo.contracts import Running
from dazoo.engine.display import Display
from dazoo.engine.loggers import Loggers
from dazoo.plain import span


SCORES = ({"im": 0.55, "entropy": -0.3, "source_accuracy": 0.25}, {"im": 0.52, "entropy": -0.2, "source_accuracy": 0.5})


class Leaves(io.StringIO):
    """A terminal whose window is closed while the block is drawn."""

    gone = False

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.gone:
            raise OSError(5, "Input/output error")
        return super().write(text)


def show(stages: tuple[str, ...] = ("train",), epochs: int = 2) -> tuple[Display, Loggers]:
    display = Display()
    loggers = Loggers({"The display": display})
    loggers.begin(Running("fcn-tent", 0, stages=stages))
    loggers.enter(stages[0], epochs=3, steps=6, chooses="im", pictures=8)
    for i in range(epochs):
        loggers.step(2 * i + 2, {"task": 1.0, "domain": 0.6931})
        loggers.epoch(2 * i + 2, SCORES[i], {"task": 1.0, "domain": 0.6931}, 1)
    return display, loggers


def block(display: Display, width: int = 100) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(display._drawing(width))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_without_a_terminal_there_is_a_short_line_per_epoch_with_the_score_that_chooses_first(capsys):
    show()[1].end(Ending("finished"))
    first, second = capsys.readouterr().err.splitlines()
    assert first == "fcn-tent: epoch 1/3, im 0.55 (chosen: epoch 1), task 1, domain 0.693, 0 s left"
    assert second == "fcn-tent: epoch 2/3, im 0.52 (chosen: epoch 1), task 1, domain 0.693, 0 s left"


def test_a_line_says_which_of_how_many_stages_it_is_of(capsys):
    show(("source", "adapt"))
    assert capsys.readouterr().err.startswith("fcn-tent (1/2 source stage): epoch 1/3, ")


def test_where_nothing_chooses_no_epoch_is_called_chosen(capsys):
    loggers = Loggers({"The display": Display()})
    loggers.enter("adapt", epochs=2, steps=4)
    loggers.epoch(2, {}, {"entropy": 1.61}, 1)
    assert capsys.readouterr().err == ": epoch 1/2, entropy 1.61, 0 s left\n"


def test_a_block_says_everything_about_now():
    display, _ = show(("source", "adapt"))
    head, place, loss, score = block(display)
    assert head.startswith("fcn-tent stage 1 of 2: source stage ━") and head.endswith("67 %")
    assert place == "  epoch 3 of 3, step 4 of 6, 0 s elapsed, 0 s left in this stage"
    assert loss.startswith("  loss  task 1  domain 0.693 ") and loss.endswith(" pictures/s")
    assert score == "  score im 0.52, chosen so far: epoch 1 with 0.55; 50.0 % of held-out source pictures right"


def test_a_narrow_terminal_cuts_lines_and_breaks_none():
    lines = block(show()[0], width=40)
    assert len(lines) == 4 and all(len(line) <= 40 for line in lines) and lines[-1].endswith("…")


def test_a_terminal_keeps_one_line_of_each_stage(monkeypatch):
    terminal = Leaves()
    monkeypatch.setattr(sys, "stderr", terminal)
    display, loggers = show(("source", "adapt"), epochs=1)
    assert display.live is not None
    loggers.enter("adapt", epochs=1, steps=1)
    loggers.epoch(1, {}, {"entropy": 1.0}, 1)
    loggers.end(Ending("finished"))
    last = terminal.getvalue().splitlines()[-1]
    assert "fcn-tent (1/2 source stage): epoch 1/3, im 0.55 (chosen: epoch 1), task 1" in terminal.getvalue()
    assert last.endswith("fcn-tent (2/2 adaptation): epoch 1/1, entropy 1 in 0 s")


@pytest.mark.parametrize("stream", [None, io.StringIO()], ids=["none", "closed"])
def test_without_standard_error_nothing_is_shown(stream, monkeypatch):
    if stream is not None:
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    display, loggers = show()
    assert display.live is None
    loggers.end(Ending("finished"))


def test_a_terminal_that_goes_away_ends_no_run(monkeypatch):
    terminal = Leaves()
    monkeypatch.setattr(sys, "stderr", terminal)
    display, loggers = show()
    assert display.live is not None
    terminal.gone = True
    loggers.end(Ending("finished"))
    assert display.live is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (45.4, "45 s"), (59.6, "1 min"), (70, "1 min 10 s"), (3600, "1 h"), (7500, "2 h 5 min")]
)
def test_a_time_to_wait_is_in_whole_units(seconds, text):
    assert span(seconds) == text
