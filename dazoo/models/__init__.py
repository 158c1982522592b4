"""Models in use; the modules `create`, `save`, `load` and `verify` hold a function of that name each. Importing this imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dazoo.lazy import lazy


if TYPE_CHECKING:
    from dazoo.models.card import render_card
    from dazoo.models.card import results_of
    from dazoo.models.hub import Hub
    from dazoo.models.model import Model
    from dazoo.models.model import Prediction

# Not load, save, create and verify: a function here and the module of its name would hide each other by turns.
__all__ = ["Hub", "Model", "Prediction", "render_card", "results_of"]

__getattr__, __dir__ = lazy(__name__, {"card": ("render_card", "results_of"), "hub": ("Hub",), "model": ("Model", "Prediction")})
