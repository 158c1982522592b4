"""Folders appear whole, and what killed writers leave is put right."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dazoo import drafts
from dazoo.drafts import restore
from dazoo.drafts import sweep
from dazoo.drafts import whole_folder


KILLED = """
import os, signal, sys
from pathlib import Path
from dazoo import drafts
real, calls = os.replace, []
def replace(a, b):
    calls.append(a)
    if len(calls) == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    real(a, b)
os.replace = replace
with drafts.whole_folder(Path({folder!r})) as draft:
    (draft / "text").write_text("new")
"""


def fill(folder: Path, text: str) -> None:
    with whole_folder(folder) as draft:
        (draft / "text").write_text(text)


def killed(folder: Path, at: int) -> None:
    """Write a folder in a process that is killed instead of its n-th rename."""
    done = subprocess.run([sys.executable, "-c", KILLED.format(at=at, folder=str(folder))], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL


def test_it_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(KeyError), whole_folder(tmp_path / "in" / "m") as draft:
        (draft / "text").write_text("half")
        assert not (tmp_path / "in" / "m").exists()
        raise KeyError
    assert os.listdir(tmp_path / "in") == []
    fill(tmp_path / "in" / "m", "whole")
    fill(tmp_path / "in" / "m", "again")
    assert (tmp_path / "in" / "m" / "text").read_text() == "again" and os.listdir(tmp_path / "in") == ["m"]


@pytest.mark.parametrize("at", [1, 2])
def test_what_a_killed_writer_leaves_is_put_right_by_the_next_one(tmp_path, at):
    place = tmp_path / "a [model]"
    fill(place, "old")
    killed(place, at)
    left = os.listdir(tmp_path)
    assert len(left) == 2 and place.exists() == (at == 1)
    restore(place)
    assert (place / "text").read_text() == "old"
    fill(place, "newer")
    assert (place / "text").read_text() == "newer" and os.listdir(tmp_path) == [place.name]


def test_the_only_copy_is_never_swept(tmp_path):
    fill(tmp_path / "m", "old")
    killed(tmp_path / "m", 2)
    sweep(tmp_path, "*")
    assert [n.endswith("-old") for n in os.listdir(tmp_path)] == [True]


def test_a_living_writers_draft_is_left_alone_and_other_folders_too(tmp_path):
    for name in (".m-12345", ".m-abcdefgh", ".mm-00000000", "m-00000000"):
        (tmp_path / name).mkdir()
    with whole_folder(tmp_path / "m") as draft:
        (draft / "text").write_text("slow")
        sweep(tmp_path, "m")
        fill(tmp_path / "m", "fast")
        assert (draft / "text").read_text() == "slow"
    assert (tmp_path / "m" / "text").read_text() == "slow"
    assert sorted(os.listdir(tmp_path)) == [".m-12345", ".m-abcdefgh", ".mm-00000000", "m", "m-00000000"]


def test_a_folder_that_another_process_puts_there_meanwhile_is_replaced(tmp_path, monkeypatch):
    fill(tmp_path / "m", "old")
    real, calls = os.replace, []

    def replace(a: Path, b: Path) -> None:
        calls.append(a)
        if len(calls) == 2:  # between the two renames
            restore(tmp_path / "m")
        real(a, b)

    monkeypatch.setattr(drafts.os, "replace", replace)
    fill(tmp_path / "m", "new")
    assert (tmp_path / "m" / "text").read_text() == "new" and os.listdir(tmp_path) == ["m"]


@pytest.mark.parametrize("function", ["mkdir", "to_disk", "replace"])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, function):
    fill(tmp_path / "m", "old")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    owner = {"mkdir": Path, "to_disk": drafts, "replace": os}[function]
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(owner, function, full)
        fill(tmp_path / "m", "new")
    assert (tmp_path / "m" / "text").read_text() == "old" and os.listdir(tmp_path) == ["m"]
