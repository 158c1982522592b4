"""What goes wrong: one line on standard error that says what to do, and the exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dazoo.cli.options import parse_settings
from dazoo.errors import SettingsError


BAD_NAMES = {
    "": "empty",
    "fcn": "is a backbone",
    "fcm-dann-synsigns": "Did you mean 'fcn'",
    "fcn-danm-synsigns": "Did you mean 'dann'",
    "fcn-dann-synsign": "Did you mean 'synsigns'",
    "FCN-DANN-synsigns": "Did you mean 'fcn-dann-synsigns'",
    "dann-fcn-synsigns": "Did you mean 'fcn-dann-synsigns'",
    "fcn-synsigns": "Did you mean 'fcn-source-synsigns'",
    "user/fcn-dann": "hub:",
    "../fcn": "dir:",
    "fcn--dann": "grammar",
    "fcn-dann-synsigns\n": "lower-case",
    "fcn-dann": "--source",
    "x" * 300: "200",
}


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda n: repr(n[:24]))
def test_bad_names(run, name: str) -> None:
    found = run("train", name)
    assert found.code == 2
    assert found.out == ""
    assert found.err.startswith("dazoo: ") and len(found.err.splitlines()) == 1, found.err
    assert BAD_NAMES[name] in found.err
    assert "Traceback" not in found.err


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("frobnicate", 2, "No such command"),
        ("train", 2, "Missing argument"),
        ("train fcn-dann-synsigns --bogus", 2, "--bogus"),
        ("train fcn-dann-synsigns --seed -1", 2, "--seed"),
        ("train fcn-dann-synsigns --seed x", 2, "--seed"),
        ("train fcn-dann-synsigns --set lr", 2, "KEY=VALUE"),
        ("train fcn-dann-synsigns --set =1", 2, "KEY=VALUE"),
        ("train fcn-dann-synsigns --set lrr=1", 2, "Did you mean 'lr'"),
        ("train fcn-dann-synsigns --set lr=-1", 2, "above 0"),
        ("train fcn-dann-synsigns --set lr=NaN", 2, "lr is"),
        ("train fcn-dann-synsigns --set cat.x=1", 2, "before the dot"),
        ("train fcn-dann-synsigns --device tpu9", 2, "cuda"),
        ("train fcn-dann --source .", 2, "--target"),
        ("train fcn-dann --source nowhere --target nowhere", 1, "does not exist"),
        ("train fcn-dann-gtsrb2india --data .", 1, "DAZOO_DATA"),
        ("eval nothing-here", 2, "nothing-here"),
        ("eval fcn-mcd-synsigns", 2, "dazoo train fcn-mcd-synsigns"),
        ("eval dir:nowhere", 1, "not there"),
        ("predict dir:nowhere x.png", 1, "not there"),
        ("predict user/model x.png", 2, "hub:user/model"),
        ("adapt dir:. --method tent --target nowhere --out x", 1, "does not exist"),
        ("list cats", 2, "Kinds:"),
        ("show", 2, "Missing argument"),
        ("show fcnn", 2, "Did you mean 'fcn'"),
        ("data", 2, "Usage"),
        ("data info .", 1, "pack.json"),
        ("data pack nowhere out", 1, "does not exist"),
        ("data get cats", 2, "Unknown dataset"),
        ("data list --data nowhere", 1, "does not exist"),
    ],
)
def test_exit_codes_and_messages(run, words: str, code: int, part: str) -> None:
    found = run(*words.split())
    assert found.code == code, found.err
    assert part in found.err + found.out
    assert "Traceback" not in found.err


def test_debug_shows_the_traceback(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAZOO_DEBUG", "1")
    found = run("show", "fcnn")
    assert found.code == 2 and "Traceback" in found.err and "dazoo: " in found.err


def test_an_error_that_nobody_foresaw_is_one_line(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dazoo.cli.listing.zoo", lambda: 1 / 0)
    found = run("list")
    assert found.code == 1
    assert found.err == "dazoo: ZeroDivisionError: division by zero (DAZOO_DEBUG=1 shows where)\n"


def test_values_are_json_scalars_or_text() -> None:
    pairs = ["a=1", "b=0.5", "c=true", "d=null", 'e="1"', "f=hello", "g=[1]", "h=NaN", "i=", "j=x=y", "k=1e-3"]
    want = {"a": 1, "b": 0.5, "c": True, "d": None, "e": "1", "f": "hello", "g": "[1]", "h": "NaN", "i": "", "j": "x=y", "k": 0.001}
    assert parse_settings(pairs) == want
    with pytest.raises(SettingsError, match="KEY=VALUE"):
        parse_settings(["novalue"])


def test_interrupted_by_ctrl_c(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def press() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dazoo.cli.listing.zoo", press)
    found = run("list")
    assert found.code == 130 and "Traceback" not in found.err and found.err.startswith("dazoo: ")


def test_interrupted_by_sigterm(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def send() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    monkeypatch.setattr("dazoo.cli.listing.zoo", send)
    before = signal.getsignal(signal.SIGTERM)
    found = run("list")
    assert (found.code, found.err) == (143, "dazoo: stopped by SIGTERM\n")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    with (tmp_path / "err").open("w") as err:
        child = subprocess.Popen([sys.executable, "-m", "dazoo", "list", "backbones", "*"], stdout=subprocess.PIPE, stderr=err)
        child.stdout.readline()
        child.stdout.close()
        assert child.wait(60) in (0, 141)  # 0 where everything fitted into the pipe before it was closed
    assert (tmp_path / "err").read_text() == ""


def test_a_pipe_that_is_closed_from_the_start(tmp_path: Path) -> None:
    """The reader has gone before the first byte, so the write must fail."""
    read, write = os.pipe()
    os.close(read)
    with (tmp_path / "err").open("w") as err:
        done = subprocess.run([sys.executable, "-m", "dazoo", "list"], stdout=write, stderr=err, timeout=60)
    os.close(write)
    assert done.returncode == 141
    assert (tmp_path / "err").read_text() == ""


def test_no_colour_in_a_pipe(run) -> None:
    for words in (["list"], ["show", "fcn"], ["plugins"], ["--help"], ["train", "--help"]):
        assert "\033[" not in run(*words).out
