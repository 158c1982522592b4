"""dazoo: a zoo for visual domain adaptation. Importing it imports neither torch nor any plugin."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any


if TYPE_CHECKING:
    from dazoo.hookspecs import hookimpl
    from dazoo.listing import list_backbones
    from dazoo.listing import list_datasets
    from dazoo.listing import list_entries
    from dazoo.listing import list_executors
    from dazoo.listing import list_gans
    from dazoo.listing import list_methods
    from dazoo.listing import list_scenarios
    from dazoo.listing import list_validators
    from dazoo.zoo.adapting import adapt
    from dazoo.zoo.adapting import evaluate
    from dazoo.zoo.create import create
    from dazoo.zoo.load import load
    from dazoo.zoo.training import train

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "adapt",
    "create",
    "evaluate",
    "hookimpl",
    "list_backbones",
    "list_datasets",
    "list_entries",
    "list_executors",
    "list_gans",
    "list_methods",
    "list_scenarios",
    "list_validators",
    "load",
    "train",
]

_LAZY = {
    "adapt": "dazoo.zoo.adapting",
    "create": "dazoo.zoo.create",
    "hookimpl": "dazoo.hookspecs",
    "list_backbones": "dazoo.listing",
    "list_datasets": "dazoo.listing",
    "list_entries": "dazoo.listing",
    "list_executors": "dazoo.listing",
    "list_gans": "dazoo.listing",
    "list_methods": "dazoo.listing",
    "list_scenarios": "dazoo.listing",
    "list_validators": "dazoo.listing",
    "load": "dazoo.zoo.load",
    "train": "dazoo.zoo.training",
}


def __getattr__(name: str) -> Any:
    """Import a public function's module when the function is first asked for."""
    if name == "evaluate":  # a function and a subpackage of one name: the subpackage can be called
        return import_module("dazoo.evaluate")
    if name not in _LAZY:
        raise AttributeError(f"module 'dazoo' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
