"""Words for a person: nobody is told anything that they cannot read, and no word ends a run."""

from __future__ import annotations

import io
import sys

import pytest

from dazoo.streams import is_terminal
from dazoo.streams import printable
from dazoo.streams import tell


class Raises(io.StringIO):
    """A terminal that has gone."""

    def isatty(self) -> bool:
        raise OSError(5, "Input/output error")

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, object(), Raises(), closed(), io.StringIO()], ids=["none", "strange", "gone", "closed", "text"])
def test_nobody_looks_at_these_and_telling_them_is_harmless(stream, monkeypatch, capsys):
    assert is_terminal(stream) is False
    if stream is not None and not hasattr(stream, "write"):
        return
    monkeypatch.setattr(sys, "stderr", stream)
    tell("hello")
    assert capsys.readouterr().out == ""  # which is for data


def test_a_terminal_is_one():
    assert is_terminal(Terminal())


def test_what_a_terminal_would_obey_is_spelled_out():
    assert printable("a\tb\nc é 道") == "a\tb\nc é 道"
    assert printable("\x1b[31m\r\x07\x9b\u202e\udcff\ud800") == r"\x1b[31m\x0d\x07\x9b\u202e\xff\ud800"
