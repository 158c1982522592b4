"""Clauses for a plugin module."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any

from dazoo.registry.discovery import Loaded
from dazoo.registry.plugins import HEAVY
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo
from dazoo.registry.registry import PART
from dazoo.registry.registry import RECIPE


_PROBE = """
import importlib, sys
from dazoo.registry import hookspecs
module = importlib.import_module({target!r})
for name in dir(module):
    if name.startswith("dazoo_register_"):
        getattr(module, name)(lambda *a, **k: None)
print(",".join(m for m in {heavy!r} if m in sys.modules))
"""


def loads(name: str, settings: dict[str, Any]) -> None:
    """dazoo finds and loads it."""
    loaded = _loaded(name)
    assert loaded.ok, f"{name} was left out: {loaded.error}\n{loaded.traceback}"
    assert not loaded.warnings, f"{name}: {'; '.join(loaded.warnings)}"


def imports_nothing_heavy(name: str, settings: dict[str, Any]) -> None:
    """A fresh interpreter imports it and calls its hooks without torch, torchvision or timm."""
    code = _PROBE.format(target=_loaded(name).target, heavy=HEAVY)
    # The parent's import path: a plugin that is tested from its source tree is found by the child too.
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{name} cannot be imported on its own:\n{done.stderr}"
    heavy = done.stdout.strip()
    assert not heavy, f"{name} imports {heavy} when it is loaded; register strings, and import in the module that they name."


def keeps_to_the_hooks(name: str, settings: dict[str, Any]) -> None:
    """Its hooks exist, have the right arguments and register everything without an error."""
    loaded = _loaded(name)
    module = import_module(loaded.target)
    alone = Plugins(path=[], environ={"DAZOO_PLUGINS_STRICT": "1"})
    brought = alone.load(lambda: module, dist=loaded.dist, version=loaded.version, entry_point=loaded.entry_point, target=loaded.target)
    assert brought.brings == loaded.brings, f"{name} brings {brought.brings} on its own, but {loaded.brings} beside other plugins."


def names_follow_the_grammar(name: str, settings: dict[str, Any]) -> None:
    """Every name can be part of a recipe's name."""
    for kind, names in _loaded(name).brings.items():
        grammar = RECIPE if kind == "entry" else PART
        bad = [n for n in names if not grammar.fullmatch(n)]
        assert not bad, f"{name} registers the {kind} names {bad}; expected {grammar.pattern}."


def targets_resolve(name: str, settings: dict[str, Any]) -> None:
    """Every target can be imported and is a subclass of its contract."""
    problems = zoo().check(name)
    assert not problems, "\n".join(f"{what}: {why}" for what, why in problems.items())


def says_what_it_brings(name: str, settings: dict[str, Any]) -> None:
    """Every name has a summary, for `dazoo list`."""
    loaded, registries = _loaded(name), zoo().registries()
    for kind, names in loaded.brings.items():
        silent = [n for n in names if not registries[kind].get(f"{loaded.dist}:{n}").summary]
        assert not silent, f"{name} registers the {kind} names {silent} without summary=; one line for `dazoo list`."


def _loaded(name: str) -> Loaded:
    found = zoo().loaded
    assert name in found, f"No installed plugin is called {name!r}; dazoo found {', '.join(sorted(found)) or 'none'}."
    return found[name]
