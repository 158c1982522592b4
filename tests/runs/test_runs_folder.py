"""A run's folder: one run, one process, and nothing of anybody else's."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dazoo.errors import SettingsError
from dazoo.errors import StoreError
from dazoo.lease import Lease
from dazoo.runs import folder as folder_module
from dazoo.runs.folder import claimed


ID = {"recipe": "fcn-dann", "seed": 0, "settings": {"lr": 0.1}}


def claim(folder: Path, identity: dict = ID) -> list[str]:
    """Claim a folder, and list what is in it meanwhile."""
    with claimed(folder, identity):
        return sorted(os.listdir(folder))


def test_it_is_made_claimed_again_and_refused_to_another_run(tmp_path):
    assert claim(tmp_path / "a" / "run") == ["lease", "run.json"]
    assert os.listdir(tmp_path / "a" / "run") == ["run.json"]
    claim(tmp_path / "a" / "run")
    with pytest.raises(SettingsError, match="another run .different seed, settings."):
        claim(tmp_path / "a" / "run", {**ID, "seed": 1, "settings": {}})
    with pytest.raises(SettingsError, match="another run .different data."):
        claim(tmp_path / "a" / "run", {**ID, "data": "x"})
    assert os.listdir(tmp_path / "a" / "run") == ["run.json"], "a refused one gives the lease back"


def test_what_is_not_a_run_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("do not lose me")
    with pytest.raises(SettingsError, match="something else than a run .thesis.txt."):
        claim(tmp_path)
    with pytest.raises(SettingsError, match="is a file; name a folder"):
        claim(tmp_path / "thesis.txt")
    assert os.listdir(tmp_path) == ["thesis.txt"]


@pytest.mark.parametrize("content", [b"[]", b"null", b"7", b"", b'{"recipe": ', b"\xff\xfe", b"[" * 100_000, b'{"seed": 0, "seed": 0}'])
def test_a_damaged_run_json_is_said(tmp_path, content):
    claim(tmp_path)
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(SettingsError, match="run.json is not readable .*remove the folder"):
        claim(tmp_path)


def test_one_process_at_a_time(tmp_path):
    with claimed(tmp_path, ID), pytest.raises(SettingsError, match=f"is being trained by process {os.getpid()} on this machine"):
        claim(tmp_path)
    claim(tmp_path)


@pytest.mark.parametrize("before", ["os.replace", "folder_module._settle", "folder_module._tidy"])
def test_the_same_command_goes_on_after_a_kill_at_any_moment(tmp_path, before):
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom dazoo.runs import folder as folder_module\n"
        f"{before} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"with folder_module.claimed(Path(sys.argv[1]), {ID!r}): pass"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL and os.listdir(tmp_path / "run")
    assert claim(tmp_path / "run") == ["lease", "run.json"]


def test_drafts_of_killed_processes_go(tmp_path):
    claim(tmp_path)
    for name in ("checkpoints/.step-00000004-0123abcd", "source_only/source/.step-00000001-00000000", ".model-00000000", "model"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".history.json-00000000").touch()
    (tmp_path / ".run.json").touch()
    assert claim(tmp_path) == ["checkpoints", "lease", "model", "run.json", "source_only"]
    assert os.listdir(tmp_path / "checkpoints") == [] == os.listdir(tmp_path / "source_only" / "source")


def test_a_moved_model_comes_back_when_it_is_the_only_one(tmp_path):
    claim(tmp_path)
    (tmp_path / ".model-00000000-old").mkdir()
    assert ".model-00000000-old" in claim(tmp_path)


@pytest.mark.parametrize("place", ["checkpoints", "source_only", "model"])
def test_a_folder_that_cannot_be_written_is_found_before_training(tmp_path, monkeypatch, place):
    claim(tmp_path)
    (tmp_path / place).mkdir()
    monkeypatch.setattr(folder_module.os, "access", lambda path, _: Path(path).name != place)  # to root everything can be written
    with pytest.raises(StoreError, match=f"cannot be written: Permission denied .{place}.*give the same command again"):
        claim(tmp_path)


@pytest.mark.parametrize(("owner", "name"), [(Path, "mkdir"), (Lease, "take"), (folder_module, "write_whole")])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_nowhere_to_write_is_said_before_training(tmp_path, monkeypatch, owner, name, code):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(owner, name, refuse)
    says = "No room to write" if code == errno.ENOSPC else "cannot be written"
    with pytest.raises(StoreError, match=rf"{says}.*: {os.strerror(code)}\. .*give the same command again"):
        claim(tmp_path / "run")


def test_it_holds_json_with_what_tells_the_run(tmp_path):
    claim(tmp_path)
    assert json.loads((tmp_path / "run.json").read_text()) == ID
