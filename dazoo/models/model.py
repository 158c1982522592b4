"""A saved or trained model in use: pictures in, labels out, and new pictures where a GAN is part of it.

By topic: `parts` (networks and config), `answers` (predict, features, dense), `drawing` (generate).
"""

from __future__ import annotations

from dazoo.models.drawing import Draws
from dazoo.models.parts import problem_of
from dazoo.models.prediction import Prediction


__all__ = ["Model", "Prediction", "problem_of"]


class Model(Draws):
    """A backbone with what it needs to be used; see `Parts` for the arguments."""

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {len(self.classes)} classes, {self.channels}x{self.size}x{self.size})"
