"""What a plugin's hooks register, checked and held back until all of them have run."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import pluggy

from dazoo.errors import PluginError
from dazoo.registry.discovery import Loaded
from dazoo.registry.registry import PART
from dazoo.registry.registry import RECIPE
from dazoo.registry.registry import Registration
from dazoo.registry.registry import tidied


_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_ENTRY_TARGET = re.compile(r"[A-Za-z_][\w.]*:[\w-][\w.-]*(/[\w-][\w.-]*)*(@[\w.-]+)?")


def collect(manager: pluggy.PluginManager, plugin: Any, loaded: Loaded, kinds: Mapping[str, str]) -> list[Registration]:
    """What the plugin registers: its hooks are called one by one, and nothing is added before all of them have run.

    Args:
        kinds: the kind of each hook by its plural ("backbones": "backbone").

    Raises:
        PluginError: it registers something that cannot be a name or a target, or the same name twice.
    """
    staged: dict[tuple[str, str], Registration] = {}
    for caller in manager.get_hookcallers(plugin) or []:
        for impl in caller.get_hookimpls():
            if impl.plugin is not plugin or not caller.has_spec():
                continue
            if impl.wrapper or impl.hookwrapper:
                raise PluginError(f"its {caller.name} is a wrapper; registration hooks are plain functions")
            kind = kinds[caller.name.removeprefix("dazoo_register_")]
            given = arguments(kind, loaded, staged)
            impl.function(*[given[name] for name in impl.argnames])
    return list(staged.values())


def arguments(kind: str, loaded: Loaded, staged: dict[tuple[str, str], Registration]) -> dict[str, Any]:
    """What a hook may ask for, by name. A hook is given what its function names, so one more here breaks no plugin."""
    return {"register": _register_of(kind, loaded, staged)}


def _register_of(kind: str, loaded: Loaded, staged: dict[tuple[str, str], Registration]) -> Callable[..., None]:
    """The `register` function that one hook of one plugin receives."""
    grammar, targets = (RECIPE, _ENTRY_TARGET) if kind == "entry" else (PART, _TARGET)
    form = "'package:folder' or 'hub:user/repo@revision'" if kind == "entry" else "'module:Class'"

    def register(name: str, target: str, /, *, summary: str = "", wraps: str = "", start: int = 0, **arguments: Any) -> None:
        if not isinstance(name, str) or not grammar.fullmatch(name):
            raise PluginError(f"the {kind} name {name!r} does not match {grammar.pattern}{tidied(name, grammar)}")
        if not isinstance(target, str) or not targets.fullmatch(target):
            raise PluginError(
                f"the {kind} {name!r} has the target {target!r}; expected a string {form}, so that nothing is imported to list it"
            )
        if not isinstance(summary, str):
            raise PluginError(f"the {kind} {name!r} has the summary {summary!r}; expected a string")
        if not isinstance(wraps, str):
            raise PluginError(f"the {kind} {name!r} has wraps={wraps!r}; expected a distribution's name, such as 'timm'")
        if type(start) is not int or start < 0 or start and kind != "backbone":
            raise PluginError(f"the {kind} {name!r} has start={start!r}; expected a rank of 0 or more, and only for a backbone")
        if (kind, name) in staged:
            raise PluginError(f"it registers the {kind} {name!r} twice")
        origin = (loaded.entry_point, loaded.dist, loaded.version)
        staged[kind, name] = Registration(kind, name, target, arguments, *origin, summary, wraps, start)

    return register
