"""Standard streams that are closed, full or missing: a command works, or ends with a clear exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dazoo.cli.output import emit
from dazoo.cli.output import emit_columns
from dazoo.cli.output import emit_table
from dazoo.cli.output import title


pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the shell and the devices of Linux")


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """A line of bash in which $DAZOO is the command."""
    env = {**os.environ, "DAZOO": f"{sys.executable} -m dazoo"}
    return subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, env=env, timeout=120)


@pytest.mark.parametrize(
    ("line", "code", "out", "err"),
    [
        ("$DAZOO list >&-", 0, "", ""),
        ("$DAZOO list gans 2>&-", 0, "dcgan", ""),
        ("$DAZOO list gans <&-", 0, "dcgan", ""),
        ("$DAZOO list gans >&- 2>&- <&-", 0, "", ""),
        ("$DAZOO list gans 2>/dev/full", 0, "dcgan", ""),
        ("$DAZOO list gans >/dev/full", 1, "", "dazoo: standard output: No space left on device\n"),
        ("$DAZOO list nothing 2>&-", 2, "", ""),
        ("$DAZOO list nothing 2>/dev/full", 2, "", ""),
        ("$DAZOO --help | true", 141, "", ""),
    ],
)
def test_each_stream_by_itself(line: str, code: int, out: str, err: str) -> None:
    done = shell(line)
    assert (done.returncode, done.stderr) == (code, err)
    assert out in done.stdout and (out or not done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("streams", ["2>&-", ">&- 2>&- <&-"])
def test_training_without_them(own, settings: list[str], tmp_path: Path, streams: str) -> None:
    """What would have been a free file number is taken, so that no progress ends up in the weights."""
    words = ["--source", own.source, "--target", own.loose, "--out", tmp_path / "o 1", "--no-source-only", "--device", "cpu", *settings]
    done = shell(f"$DAZOO train fcn-source {' '.join(repr(str(w)) for w in words)} {streams}")
    assert (done.returncode, done.stderr) == (0, "")
    found = shell(f"$DAZOO predict 'dir:{tmp_path / 'o 1' / 'model'}' {own.loose}/disc0.png 2>&-")
    assert found.returncode == 0 and "disc0.png" in found.stdout


def test_without_streams_in_this_process(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """pythonw and services have none at all."""
    from dazoo.cli.main import main

    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert main(["list", "gans"]) == 0
    assert main(["list", "nothing"]) == 2
    assert sys.stdout is None and sys.stderr is None


def test_names_of_files_command_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name = "\x1b[31mred\x07.png"
    emit(name)
    emit_table((), [(name, "b")])
    emit_columns([(name, "b")])
    title(name)
    assert "\x1b" not in (out := capsys.readouterr().out) and out.count(r"\x1b[31mred\x07.png") == 4


def test_a_name_that_is_not_text_and_a_pipe_that_is_not_unicode(tmp_path: Path, own) -> None:
    odd = os.fsencode(tmp_path) + b"/b\xff.png"
    with open(odd, "wb") as file:
        file.write((own.loose / "disc0.png").read_bytes())
    Path(tmp_path, "\u202edé.png").write_bytes((own.loose / "disc0.png").read_bytes())
    done = shell(f"LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 $DAZOO predict fcn-source-gtsrb2india {tmp_path}/*.png")
    assert done.returncode == 0, done.stderr
    assert r"b\xff.png" in done.stdout and done.stdout.isascii()
