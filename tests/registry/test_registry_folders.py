"""Plugins that are files in a folder: found, kept apart from what is installed, and versioned by their text."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from dazoo.registry.folders import from_file
from dazoo.registry.plugins import Plugins


NET = """
from dazoo import hookimpl

dazoo_api = 1


@hookimpl
def dazoo_register_backbones(register):
    register("{name}", "{module}:Net", summary="A net")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for plugins; what is imported from it is forgotten afterwards."""
    place = tmp_path / "mine"
    place.mkdir()
    yield place
    sys.path[:] = [p for p in sys.path if p != str(place)]
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(place)):
            del sys.modules[name]


def write(place: Path, module: str, name: str = "pebble_file") -> Path:
    file = place / f"{module}.py"
    file.write_text(NET.format(name=name, module=module))
    return file


def discover(place: Path | str, **environ: str) -> Plugins:
    return Plugins(path=[], environ={"DAZOO_PLUGINS_DIR": str(place), **environ}).discover()


def test_a_single_file_is_a_plugin(folder: Path) -> None:
    file = write(folder, "pebble_net")
    (folder / "helper.py").write_text("answer = 42\n")
    (folder / "_draft.py").write_text("dazoo_api = 1\n")
    zoo = discover(folder, DAZOO_PLUGINS="")  # the variable is about what is installed
    assert zoo.backbones.names() == ["pebble_file"]
    (loaded,) = zoo.loaded.values()
    assert (loaded.dist, loaded.target, loaded.file, loaded.error, loaded.warnings) == ("pebble-net", "pebble_net", str(file), None, [])
    assert from_file(loaded.version) and not from_file("1.0")


def test_its_version_is_its_text(folder: Path) -> None:
    file = write(folder, "pebble_net")
    (before,) = discover(folder).loaded.values()
    file.write_text(file.read_text() + "# another\n")
    (after,) = discover(folder).loaded.values()
    assert before.version != after.version


def test_a_package_is_a_plugin_too_and_tests_are_not(folder: Path) -> None:
    package = folder / "pebbles"
    package.mkdir()
    (package / "__init__.py").write_text(NET.format(name="pebble_file", module="pebbles.network"))
    (package / "network.py").write_text("raise AssertionError('imported when listed')\n")
    (folder / "tests").mkdir()
    (folder / "tests" / "__init__.py").touch()
    zoo = discover(folder)
    (first,) = zoo.loaded.values()
    assert zoo.backbones.names() == ["pebble_file"] and first.target == "pebbles"
    (package / "network.py").write_text("Net = 1\n")
    assert next(iter(discover(folder).loaded.values())).version != first.version


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda p: p.rmdir(), "mine is no folder; DAZOO_PLUGINS_DIR and --plugins-dir name folders with plugins"),
    "nothing in it": (
        lambda p: (p / "a.py").write_text("x = 1\n"),
        "holds no plugin; expected a file with a function",
    ),
    "a name that is no module's": (lambda p: write(p, "pebble-net"), "cannot be imported under that name; call it pebble_net.py"),
    "a name that is taken": (lambda p: write(p, "json"), "the module 'json' is already .*give json.py another name"),
    "not Python": (lambda p: (p / "b.py").write_text("dazoo_api = 1\ndef (:\n"), "SyntaxError"),
    "no hook": (lambda p: (p / "c.py").write_text("dazoo_api = 1\n"), "implements no hook, so it brings nothing"),
    "no interface": (lambda p: (p / "d.py").write_text("def dazoo_register_gans(register): pass\n"), "add `dazoo_api = 1`"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_is_said(folder: Path, what: str) -> None:
    change, says = BROKEN[what]
    change(folder)
    (loaded,) = discover(folder).failures()
    assert re.search(says, loaded.error or ""), loaded.error


def test_several_folders(folder: Path, tmp_path: Path) -> None:
    write(folder, "pebble_net")
    zoo = discover(f"{folder}{os.pathsep}{tmp_path / 'gone'}")
    assert zoo.backbones.names() == ["pebble_file"] and len(zoo.failures()) == 1


def test_of_one_that_is_installed_too_the_installed_one_counts(folder: Path, install: Callable[..., Path]) -> None:
    site = install("pebble-net", NET.format(name="installed", module="pebble_net"))
    write(folder, "pebble_net")
    zoo = Plugins(path=[str(site)], environ={"DAZOO_PLUGINS_DIR": str(folder)}).discover()
    assert zoo.backbones.names() == ["installed"]
    assert "brings the same and was left out" in zoo.loaded["pebble-net:pebble_net"].warnings[0]
