"""A bar is shown to somebody who looks, and training goes on without."""

from __future__ import annotations

import io
import sys

import pytest

from dazoo.engine.display import Display


class Leaves(io.StringIO):
    """A terminal whose window is closed while the bar is drawn."""

    gone = False

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.gone:
            raise OSError(5, "Input/output error")
        return super().write(text)


def show() -> Display:
    display = Display("fcn-dann", total=2, done=0, images=8, quiet=False)
    display.step(1, {"task": 1.0})
    display.epoch(1, "accuracy 0.5")
    return display


def test_without_a_terminal_there_is_a_line_an_epoch(capsys):
    show().close()
    assert capsys.readouterr().err.startswith("fcn-dann: epoch 1: accuracy 0.5 | task 1 | ")


@pytest.mark.parametrize("stream", [None, io.StringIO()], ids=["none", "closed"])
def test_without_standard_error_nothing_is_shown(stream, monkeypatch):
    if stream is not None:
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    display = show()
    assert display.bar is None
    display.close()


def test_a_terminal_that_goes_away_ends_no_run(monkeypatch):
    terminal = Leaves()
    monkeypatch.setattr(sys, "stderr", terminal)
    display = show()
    assert display.bar is not None
    terminal.gone = True
    display.close()
