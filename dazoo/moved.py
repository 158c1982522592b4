"""Old module paths, which go on working until 0.3: `from dazoo.zoo.save import save` gives `dazoo.models.save`, with a warning."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


_MODELS = ("build", "card", "config", "create", "hub", "inputs", "load", "model", "save", "tensors", "verify")
MOVED = {
    "dazoo.zoo": "dazoo.models",
    **{f"dazoo.zoo.{name}": f"dazoo.models.{name}" for name in _MODELS},
    **{f"dazoo.zoo.{name}": f"dazoo.runs.{name}" for name in ("plan", "training", "adapting")},
    **{f"dazoo.{name}": f"dazoo.registry.{name}" for name in ("plugins", "names", "hookspecs", "listing", "sources")},
    "dazoo.data.augment": "dazoo.augmentations.transforms",
    "dazoo.data.batches": "dazoo.engine.batches",
    "dazoo.contracts.process": "dazoo.processes",
    "dazoo.bench.lease": "dazoo.lease",
}
"""New path by old one. New code never uses an old one (a test)."""


class _Moved(Loader):
    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        old, new = module.__name__, MOVED[module.__name__]
        warnings.warn(f"{old} is now {new}; the old path goes in dazoo 0.3.", DeprecationWarning, stacklevel=2)
        sys.modules[old] = import_module(new)  # the very module: its classes stay one


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, _Moved(), is_package=name == "dazoo.zoo") if name in MOVED else None


def keep_old_paths() -> None:
    """Look an import up here when nothing else has found it."""
    sys.meta_path.append(_Finder())
