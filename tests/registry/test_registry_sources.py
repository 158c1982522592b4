"""Names in a library's sources: decorated functions, and keys with what stands under them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dazoo.registry.sources import decorated
from dazoo.registry.sources import keyed


SOURCE = """
cfgs = {
    'net_a.first': cfg(
        url='',
        other='net_b'),
    'net_a.second': cfg(url='https://somewhere'),
    "net_b": {
        'url': "",
    },
    'stranger': cfg(url='https://somewhere'),
}

@registered
def net_a(): ...

@registered
@cached
def net_b(): ...

def helper(): ...

@registered
def net_c(): ...
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that must not be imported, with an empty module beside the one that counts."""
    folder = tmp_path / "a_library" / "models"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise AssertionError('it was imported')")
    (folder / "nets.py").write_text(SOURCE)
    (folder / "empty.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    return "a_library"


def test_decorated_functions(library: str) -> None:
    assert decorated(library, "models", "registered") == ["net_a", "net_b", "net_c"]


def test_keys_and_what_they_hold(library: str) -> None:
    """One variant is enough. The key of a name that is not asked for ends nothing, so that "url" may stand inside a dictionary."""
    names = ["net_a", "net_b", "net_c", "stranger"]
    assert keyed(library, "models", names, r"url='h") == {"net_a": True, "net_b": False, "stranger": True}
    assert keyed(library, "models", ["net_b"], r"url='h") == {"net_b": True}
    assert keyed("a_package_that_is_not_installed", "models", names, "url") == {}
