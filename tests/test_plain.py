"""Files that are written whole and read with bounds, and the names of a full disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from safetensors import SafetensorError

from dazoo.plain import FULL
from dazoo.plain import no_room
from dazoo.plain import read_bounded
from dazoo.plain import write_whole


def test_a_file_has_the_old_text_or_the_new_one(tmp_path, monkeypatch):
    file = tmp_path / "a.json"
    write_whole(file, "old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, "new")
    assert file.read_text() == "old" and os.listdir(tmp_path) == ["a.json"]


def test_two_writers_have_a_draft_each(tmp_path, monkeypatch):
    drafts, real = [], os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (drafts.append(a), real(a, b)))
    for text in "ab":
        write_whole(tmp_path / "a", text)
    assert len(set(drafts)) == 2


@pytest.mark.parametrize("code", (*FULL, errno.EROFS))
def test_every_kind_of_full_disk_is_known_also_inside_of_a_librarys_error(code):
    assert no_room(OSError(code, "words of another language"))
    assert no_room(SafetensorError(f"Error while serializing: I/O error: {os.strerror(code)} (os error {code})"))
    assert not no_room(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    assert not no_room(ValueError("File too large for this server"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_only_an_ordinary_file_of_bounded_length_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(ValueError, match="no ordinary file"):
            read_bounded(tmp_path / name, 10)
    (tmp_path / "long").write_bytes(b"x" * 11)
    with pytest.raises(ValueError, match="more than 10 bytes"):
        read_bounded(tmp_path / "long", 10)
    assert read_bounded(tmp_path / "long", 11) == b"x" * 11
    with pytest.raises(FileNotFoundError):
        read_bounded(Path(tmp_path / "nothing"), 1)
