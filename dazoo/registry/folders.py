"""Plugins that no distribution brings: single files and packages in a folder, to try one out (`--plugins-dir`, DAZOO_PLUGINS_DIR)."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from packaging.utils import canonicalize_name

from dazoo.errors import PluginError
from dazoo.registry.registry import did_you_mean


FOLDERS = "DAZOO_PLUGINS_DIR"
"""Variable: folders whose files are plugins, joined like those of PATH. Processes that are started inherit it."""

_MARK = "0+file."
_HOOK = re.compile(r"^(?:def dazoo_register_|dazoo_api\b)", re.MULTILINE)
_MAX = 2**20


@dataclass(frozen=True)
class Local:
    """A plugin in a folder.

    Attributes:
        path: its file, or its package's folder.
        version: "0+file." and the beginning of the sha256 of its code: a file that changes is another version.
    """

    path: Path
    version: str

    @property
    def module(self) -> str:
        """What it is imported as."""
        return self.path.stem

    @property
    def dist(self) -> str:
        """What stands for its distribution: its module's name as pip would write it."""
        return str(canonicalize_name(self.module))

    @property
    def is_package(self) -> bool:
        """Whether it is a folder with `__init__.py`."""
        return self.path.is_dir()

    def load(self) -> ModuleType:
        """Import it; its folder stands last on `sys.path`, so that it hides no other module.

        Raises:
            PluginError: its name is no module's, or another module has it.
        """
        if not self.module.isidentifier():
            tidy = re.sub(r"\W", "_", self.module)
            raise PluginError(f"{self.path.name} cannot be imported under that name; call it {tidy}{self.path.suffix}")
        folder = str(self.path.parent)
        if folder not in sys.path:
            sys.path.append(folder)
        module = import_module(self.module)
        found = getattr(module, "__file__", None) or "Python itself"
        if not Path(found).resolve().is_relative_to(self.path.resolve()):
            raise PluginError(f"the module {self.module!r} is already {found}; give {self.path.name} another name")
        return module


def from_file(version: str) -> bool:
    """Whether a version is that of a plugin in a folder, which nobody can install by its name."""
    return version.startswith(_MARK)


def folders_of(environ: Mapping[str, str]) -> list[Path]:
    """The folders that the variable names, absolute."""
    return [Path(os.path.abspath(os.path.expanduser(name))) for name in environ.get(FOLDERS, "").split(os.pathsep) if name]


def plugins_in(folder: Path) -> Iterator[Local]:
    """The plugins of a folder: files `x.py` and packages `x/__init__.py` that have a hook. Other files are helpers.

    Raises:
        PluginError: no such folder, or no plugin in it.
    """
    if not folder.is_dir():
        near = did_you_mean(folder.name, [p.name for p in folder.parent.iterdir() if p.is_dir()] if folder.parent.is_dir() else [])
        raise PluginError(f"{folder} is no folder; {FOLDERS} and --plugins-dir name folders with plugins.{near}")
    found = False
    for path in sorted(folder.iterdir()):
        first = path / "__init__.py" if path.is_dir() else path
        if path.name[0] in "._" or first.suffix != ".py" or not first.is_file() or not _HOOK.search(_text(first)):
            continue
        found = True
        digest = hashlib.sha256()
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
        yield Local(path, f"{_MARK}{digest.hexdigest()[:12]}")
    if not found:
        raise PluginError(f"{folder} holds no plugin; expected a file with a function such as dazoo_register_methods(register)")


def _text(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as opened:
        return opened.read(_MAX)
