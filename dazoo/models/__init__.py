"""Models in use; the modules `create`, `save`, `load` and `verify` hold a function of that name each. Importing this imports no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any


if TYPE_CHECKING:
    from dazoo.models.card import render_card
    from dazoo.models.card import results_of
    from dazoo.models.hub import Hub
    from dazoo.models.model import Model
    from dazoo.models.model import Prediction

# Not load, save, create and verify: a function here and the module of its name would hide each other by turns.
__all__ = ["Hub", "Model", "Prediction", "render_card", "results_of"]

_HOME = {"Hub": "hub", "Model": "model", "Prediction": "model", "render_card": "card", "results_of": "card"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
