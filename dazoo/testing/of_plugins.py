"""Clauses for a plugin module."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from importlib import import_module
from typing import Any

from dazoo.registry.discovery import Loaded
from dazoo.registry.plugins import HEAVY
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo
from dazoo.registry.registry import did_you_mean


SLOW, ASLEEP = 1.0, 4.0
"""Seconds of processor time, and of a clock on the wall, that a plugin may take to import: everybody who lists names waits for it."""

_PROBE = """
import contextlib, importlib, io, json, sys, time
from dazoo.registry import hookspecs
start, since, said = time.process_time(), time.monotonic(), io.StringIO()
with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
    module = importlib.import_module({target!r})
    for name in dir(module):
        if name.startswith("dazoo_register_"):
            getattr(module, name)(lambda *a, **k: None)
heavy = [m for m in {heavy!r} if m in sys.modules]
print(json.dumps({{"seconds": time.process_time() - start, "wall": time.monotonic() - since, "said": said.getvalue(), "heavy": heavy}}))
"""
"""What a fresh interpreter makes of a plugin."""


def loads(name: str, settings: dict[str, Any]) -> None:
    """dazoo finds and loads it."""
    loaded = _loaded(name)
    assert loaded.ok, f"{name} was left out: {loaded.error}\n{loaded.traceback}"
    assert not loaded.warnings, f"{name}: {'; '.join(loaded.warnings)}"


def loads_quickly_and_quietly(name: str, settings: dict[str, Any]) -> None:
    """It is imported and its hooks are called within a second, and nothing is printed meanwhile."""
    alone = _alone(name)
    assert not alone["said"], f"{name} prints {alone['said'].strip()[:80]!r} when it is loaded; whoever lists names would read it."
    assert alone["seconds"] < SLOW and alone["wall"] < ASLEEP, (
        f"{name} takes {alone['wall']:.1f} s to load; whoever lists names waits for it. Expected less than {SLOW:.0f} s: register "
        "strings, and compute nothing at import."
    )


def imports_nothing_heavy(name: str, settings: dict[str, Any]) -> None:
    """A fresh interpreter imports it and calls its hooks without torch, torchvision or timm."""
    heavy = _alone(name)["heavy"]
    assert not heavy, f"{name} imports {', '.join(heavy)} when it is loaded; register strings, and import in the module that they name."


def keeps_to_the_hooks(name: str, settings: dict[str, Any]) -> None:
    """Its hooks exist, have the right arguments and register everything without an error."""
    loaded = _loaded(name)
    module = import_module(loaded.target)
    alone = Plugins(path=[], environ={"DAZOO_PLUGINS_STRICT": "1"})
    brought = alone.load(lambda: module, dist=loaded.dist, version=loaded.version, entry_point=loaded.entry_point, target=loaded.target)
    assert brought.brings == loaded.brings, f"{name} brings {brought.brings} on its own, but {loaded.brings} beside other plugins."


def names_are_its_own(name: str, settings: dict[str, Any]) -> None:
    """No other distribution brings one of its names: the plain name would be an error for everybody."""
    loaded, registries = _loaded(name), zoo().registries()
    for kind, names in loaded.brings.items():
        for own in names:
            others = sorted({r.dist for r in registries[kind].find(f"{kind}:{own}")} - {loaded.dist})
            assert not others, (
                f"{name} brings the {kind} {own!r}, and so does {', '.join(others)}: the plain name is ambiguous where both are installed. "
                f"Choose another, such as {own}_{loaded.entry_point}."
            )


def targets_resolve(name: str, settings: dict[str, Any]) -> None:
    """Every target can be imported, is a subclass of its contract, and takes the arguments that it was registered with."""
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
    near = did_you_mean(name, found)
    assert name in found, f"No installed plugin is called {name!r}.{near} Expected 'distribution:entry point'; 'dazoo plugins' lists them."
    return found[name]


@cache
def _probed(target: str, path: tuple[str, ...], heavy: tuple[str, ...]) -> dict[str, Any]:
    """What a fresh interpreter sees when it imports a module; the parent's import path, so that one in a source tree is found too."""
    code = f"import sys; sys.path[:] = {list(path)!r}\n{_PROBE.format(target=target, heavy=heavy)}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    if done.returncode:
        return {"error": done.stderr}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _alone(name: str) -> dict[str, Any]:
    found = _probed(_loaded(name).target, tuple(sys.path), tuple(HEAVY))
    assert "error" not in found, f"{name} cannot be imported on its own:\n{found.get('error')}"
    return found
