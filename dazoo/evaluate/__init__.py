"""Accuracy, validators, intervals, the four numbers of a run, and the gap between domains. Importing this imports no torch."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """`dazoo.evaluate(...)` is the public function, `dazoo.evaluate.accuracy` a module: importing the second must not hide the first."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return import_module("dazoo.zoo.adapting").evaluate(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
