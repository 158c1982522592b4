"""dazoo: a zoo for visual domain adaptation. Importing it imports neither torch nor any plugin."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any

from dazoo.moved import keep_old_paths
from dazoo.version import __version__


if TYPE_CHECKING:
    from dazoo.models.create import create
    from dazoo.models.load import load
    from dazoo.models.save import save
    from dazoo.registry.hookspecs import hookimpl
    from dazoo.registry.listing import list_backbones
    from dazoo.registry.listing import list_bridges
    from dazoo.registry.listing import list_datasets
    from dazoo.registry.listing import list_entries
    from dazoo.registry.listing import list_executors
    from dazoo.registry.listing import list_gans
    from dazoo.registry.listing import list_methods
    from dazoo.registry.listing import list_scenarios
    from dazoo.registry.listing import list_validators
    from dazoo.runs.adapting import adapt
    from dazoo.runs.evaluating import evaluate
    from dazoo.runs.streaming import stream
    from dazoo.runs.training import train

__all__ = [
    "__version__",
    "adapt",
    "create",
    "evaluate",
    "hookimpl",
    "list_backbones",
    "list_bridges",
    "list_datasets",
    "list_entries",
    "list_executors",
    "list_gans",
    "list_methods",
    "list_scenarios",
    "list_validators",
    "load",
    "save",
    "stream",
    "train",
]

_LAZY = {
    "adapt": "dazoo.runs.adapting",
    "create": "dazoo.models.create",
    "evaluate": "dazoo.runs.evaluating",
    "hookimpl": "dazoo.registry.hookspecs",
    "list_backbones": "dazoo.registry.listing",
    "list_bridges": "dazoo.registry.listing",
    "list_datasets": "dazoo.registry.listing",
    "list_entries": "dazoo.registry.listing",
    "list_executors": "dazoo.registry.listing",
    "list_gans": "dazoo.registry.listing",
    "list_methods": "dazoo.registry.listing",
    "list_scenarios": "dazoo.registry.listing",
    "list_validators": "dazoo.registry.listing",
    "load": "dazoo.models.load",
    "save": "dazoo.models.save",
    "stream": "dazoo.runs.streaming",
    "train": "dazoo.runs.training",
}


def __getattr__(name: str) -> Any:
    """Import a public function's module when the function is first asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module 'dazoo' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


keep_old_paths()
