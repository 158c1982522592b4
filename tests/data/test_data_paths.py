"""Where the cache is, with and without a home folder, and paths that people give."""

from __future__ import annotations

import os
import pwd
import warnings
from pathlib import Path

import numpy as np
import pytest

import dazoo.data.cache
from dazoo.contracts import ImageSet
from dazoo.data import cache_dir
from dazoo.data import cached
from dazoo.data import data_root
from dazoo.data import expanded
from dazoo.errors import SettingsError


@pytest.fixture
def homeless(monkeypatch):
    """No HOME, and a user id that has no name: a container."""

    def unknown(*_: object) -> None:
        raise KeyError("uid not found")

    for name in ("HOME", "DAZOO_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(RuntimeError):
        Path.home()


def make() -> ImageSet:
    return ImageSet("x", np.full((3, 4, 4, 1), 7, np.uint8), None, ())


def test_which_variable_wins(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own"
    monkeypatch.setenv("DAZOO_CACHE", "")
    assert cache_dir() == tmp_path / "xdg" / "dazoo"
    for ignored in ("", "relative/cache"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert cache_dir() == tmp_path / "home" / ".cache" / "dazoo"
    monkeypatch.setenv("DAZOO_CACHE", "~/here")
    assert cache_dir() == tmp_path / "home" / "here"


def test_a_user_without_a_home_has_a_cache_folder_all_the_same(homeless):
    assert cache_dir() == Path("/.cache/dazoo")
    assert data_root() == cache_dir() / "data"


def _blocked(tmp_path: Path) -> str:
    (tmp_path / "file").write_text("not a folder")
    return str(tmp_path / "file")


def test_a_home_that_is_a_file_costs_one_warning(tmp_path, monkeypatch):
    monkeypatch.delenv("DAZOO_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", _blocked(tmp_path))
    with pytest.warns(UserWarning, match="DAZOO_CACHE") as told:
        for name in ("source", "target"):
            assert (cached(name, "key", make, size=9).images == 7).all()
    assert len(told) == 1


def test_a_folder_above_that_may_not_be_searched_costs_one_warning(tmp_path, monkeypatch):
    """HOME=/root of a process that gave its rights away: whether a folder is there cannot even be asked."""
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path / "locked"))
    monkeypatch.setattr(dazoo.data.cache, "_warned", set())
    real = os.stat

    def stat(path, *more, **named):
        if "locked" in os.fspath(path):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real(path, *more, **named)

    monkeypatch.setattr(os, "stat", stat)
    with pytest.warns(UserWarning, match="DAZOO_CACHE") as told:
        assert (cached("x", "key", make, size=9).images == 7).all()
    assert len(told) == 1


@pytest.mark.parametrize("path", ["~no_such_user_here/x", "x" * 5000, "a\0b"])
def test_paths_that_are_none(path):
    for ask in (expanded, data_root):
        with pytest.raises(SettingsError) as caught:
            ask(path)
        assert len(str(caught.value)) < 250 and ("write the folder in full" in str(caught.value) or "path" in str(caught.value))


def test_without_a_home_its_sign_is_told(homeless):
    with pytest.raises(SettingsError, match="home folder"):
        expanded("~/x")


def test_paths_are_expanded_and_need_not_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert expanded("~/a b/c") == tmp_path / "a b" / "c"
        assert expanded(Path("relative")) == Path("relative")
