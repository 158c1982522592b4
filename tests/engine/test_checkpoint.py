"""Checkpoints: whatever is done to one, the one before is read, and never nothing."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dazoo.engine import checkpoint
from dazoo.engine.checkpoint import State
from dazoo.engine.checkpoint import read_checkpoint
from dazoo.engine.checkpoint import steps
from dazoo.engine.checkpoint import write_checkpoint
from dazoo.errors import StoreError
from dazoo.errors import TrainingError


def state(step: int) -> State:
    return State(step, 10, 1.5, 0.25, [{"last": 1.0}], [{"class": float("nan")}], {"w": torch.full((3,), float(step))})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the checkpoints of steps 3 and 7."""
    for step in (3, 7):
        write_checkpoint(tmp_path / "run", state(step))
    return tmp_path / "run"


def rewritten(change: Callable[[dict], object], *, vouch: bool = True) -> Callable[[Path], None]:
    """Change the record; with the digest of what it says then, or the old one."""

    def damage(path: Path) -> None:
        record = json.loads((path / "state.json").read_text())
        digest = record.pop("digest")
        change(record)
        digest = checkpoint._digest(record) if vouch else digest
        (path / "state.json").write_text(json.dumps({**record, "digest": digest}))

    return damage


def text(content: bytes) -> Callable[[Path], object]:
    return lambda path: (path / "state.json").write_bytes(content)


def retensored(content: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        (path / "state.safetensors").write_bytes(content)
        rewritten(lambda r: r.update(tensors=checkpoint.digest_of(path / "state.safetensors")))(path)

    return damage


def swapped(path: Path) -> None:
    """Other tensors, well-formed."""
    save_file({"w": torch.zeros(3)}, path / "state.safetensors")


def instead(path: Path) -> None:
    (path / "state.json").unlink()
    (path / "state.json").symlink_to("/dev/zero")


DAMAGES = {
    "another step": rewritten(lambda r: r.update(step=6), vouch=False),
    "another step with its digest": rewritten(lambda r: r.update(step=6)),
    "more seconds": rewritten(lambda r: r.update(seconds=9.0), vouch=False),
    "a list": text(b"[]"),
    "null": text(b"null"),
    "empty": text(b""),
    "cut": text(b'{"step": 7'),
    "not UTF-8": text(b"\xff\xfe{}"),
    "deep": text(b"[" * 100_000),
    "a number of 5,000 digits": text(b'{"step": ' + b"9" * 5000 + b"}"),
    "without keys": text(b"{}"),
    "a key twice": text(b'{"step": 7, "step": 7}'),
    "a field less": rewritten(lambda r: r.pop("total")),
    "a field more": rewritten(lambda r: r.update(code="os")),
    "step as text": rewritten(lambda r: r.update(step="7")),
    "step as a truth": rewritten(lambda r: r.update(step=True)),
    "total below step": rewritten(lambda r: r.update(total=2)),
    "total as text": rewritten(lambda r: r.update(total="10")),
    "seconds null": rewritten(lambda r: r.update(seconds=None)),
    "seconds infinite": rewritten(lambda r: r.update(seconds=float("inf"))),
    "score as text": rewritten(lambda r: r.update(chosen_score="0.5")),
    "scores as a mapping": rewritten(lambda r: r.update(scores={})),
    "scores of lists": rewritten(lambda r: r.update(scores=[[1]])),
    "scores of text": rewritten(lambda r: r.update(scores=[{"last": "x"}])),
    "fewer terms": rewritten(lambda r: r.update(terms=[])),
    "no tensors": rewritten(lambda r: r.update(tensors=None)),
    "record gone": lambda path: (path / "state.json").unlink(),
    "record a folder": lambda path: ((path / "state.json").unlink(), (path / "state.json").mkdir()),
    "record endless": instead,
    "tensors gone": lambda path: (path / "state.safetensors").unlink(),
    "tensors altered": swapped,
    "tensors no safetensors": retensored(b"x" * 100),
    "tensors empty": retensored(b""),
    "all gone": lambda path: (shutil.rmtree(path), path.mkdir()),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_damage_falls_back_to_the_one_before_and_never_to_scratch(folder: Path, what: str, caplog: pytest.LogCaptureFixture) -> None:
    assert read_checkpoint(folder).step == 7
    DAMAGES[what](folder / "step-00000007")
    found = read_checkpoint(folder)
    assert found.step == 3 and found.tensors["w"].tolist() == [3.0] * 3
    assert "Checkpoint step-00000007 is damaged" in caplog.text
    DAMAGES[what](folder / "step-00000003")
    with pytest.raises(TrainingError, match="All checkpoints in .* are damaged .*remove the folder"):
        read_checkpoint(folder)


def test_what_is_written_is_read(folder: Path) -> None:
    found, wanted = read_checkpoint(folder), state(7)
    assert torch.equal(found.tensors["w"], wanted.tensors["w"])
    assert str(replace(found, tensors={})) == str(replace(wanted, tensors={}))  # as text, in which NaN is NaN
    assert read_checkpoint(folder / "nowhere") is None


def test_a_checkpoint_under_another_name_is_not_taken_for_that_step(folder: Path) -> None:
    (folder / "step-00000007").rename(folder / "step-00000009")
    assert read_checkpoint(folder).step == 3


def test_the_newest_two_are_kept_and_those_of_a_state_that_was_given_up_go(folder: Path) -> None:
    write_checkpoint(folder, state(4))
    assert [p.name for p in steps(folder)] == ["step-00000003", "step-00000004"]
    write_checkpoint(folder, state(4))
    write_checkpoint(folder, state(5))
    assert [p.name for p in steps(folder)] == ["step-00000004", "step-00000005"]


def test_a_folder_that_cannot_be_listed_is_an_error_and_not_an_empty_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(checkpoint.os, "scandir", refuse)
    with pytest.raises(TrainingError, match="cannot be listed .Permission denied.; give the rights"):
        read_checkpoint(folder)


def test_drafts_of_killed_writers_go(folder: Path) -> None:
    (folder / ".step-00000005-0123abcd").mkdir()
    write_checkpoint(folder, state(8))
    assert sorted(os.listdir(folder)) == ["step-00000007", "step-00000008"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("function", ["save_file", "digest_of"])
def test_a_full_disk_is_said_and_older_checkpoints_stay(folder: Path, monkeypatch: pytest.MonkeyPatch, function: str, code: int) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(checkpoint, function, full)
    with pytest.raises(StoreError, match=f"No room to write .*step-00000008: {os.strerror(code)}. Make room, and give the same command"):
        write_checkpoint(folder, state(8))
    assert sorted(os.listdir(folder)) == ["step-00000003", "step-00000007"]


LIMITED = """
import resource, signal, sys
from pathlib import Path
import torch
from dazoo.engine.checkpoint import State, write_checkpoint
from dazoo.errors import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_checkpoint(Path(sys.argv[1]), State(8, 10, 1.0, None, [], [], {"w": torch.zeros(1_000_000)}))
except StoreError as exc:
    print(exc)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows limits no file")
def test_a_file_that_the_system_refuses_to_write_is_said_whatever_the_library_raises(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, str(folder)], capture_output=True, text=True, timeout=120, check=False)
    assert "No room to write" in done.stdout and "File too large" in done.stdout, done.stderr
    assert sorted(os.listdir(folder)) == ["step-00000003", "step-00000007"]


def test_a_warning_is_given_and_not_an_error(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    text(b"null")(folder / "step-00000007")
    read_checkpoint(folder)
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
