"""Plates: the painted forms under the pictogram, in a frame of x -1..1, y -1..1 (down)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dazoo_signs.synsigns.dice import Dice
from dazoo_signs.synsigns.shapes import circle
from dazoo_signs.synsigns.shapes import outline
from dazoo_signs.synsigns.shapes import rounded
from dazoo_signs.synsigns.shapes import turn
from dazoo_signs.synsigns.styles import Style


Layers = list[tuple[str, np.ndarray]]
"""(colour name, edges) from the bottom up; the first is the plate's silhouette."""

_DISC = circle(0.0, 0.0, 1.0, 36)
_TRIANGLE = np.array([(0.0, -1.08), (1.06, 0.9), (-1.06, 0.9)])
_INCENTRE, _INRADIUS = np.array([(0.0, 0.27)]), 0.61
_OCTAGON = circle(0.0, 0.0, 1.06, 8, lift=22.5)


def _round(radius: float) -> np.ndarray:
    return outline(_DISC * radius)


def _triangle(inset: float, corner: float, down: bool) -> np.ndarray:
    points = _INCENTRE + (_TRIANGLE - _INCENTRE) * (1.0 - inset / _INRADIUS)
    return outline(rounded(points * np.array([1.0, -1.0]) if down else points, corner))


def _ring(dice: Dice, style: Style) -> Layers:
    inner, rim = dice.within(style.ring), dice.chance(style.rim)
    layers = [("rim", _round(1.05))] if rim else []
    return [*layers, ("red", _round(1.0)), ("white", _round(inner))]


def _blue(dice: Dice, style: Style) -> Layers:
    if not dice.chance(0.5 + style.rim / 2):
        return [("blue", _round(1.0))]
    return [("white", _round(1.0)), ("blue", _round(dice.between(0.9, 0.97)))]


def _bar(dice: Dice, style: Style) -> Layers:
    width, height = dice.between(0.66, 0.8), dice.between(0.13, 0.2)
    bar = outline(np.array([(-width, -height), (width, -height), (width, height), (-width, height)]))
    layers = [("rim", _round(1.05))] if dice.chance(style.rim) else []
    return [*layers, ("red", _round(1.0)), ("white", bar)]


def _octagon(dice: Dice, style: Style) -> Layers:
    rim = dice.between(0.9, 0.96)
    return [("white", outline(_OCTAGON)), ("red", outline(_OCTAGON * rim))]


def _warning(dice: Dice, style: Style, down: bool = False) -> Layers:
    corner, band = dice.within(style.corner), dice.within(style.band)
    layers = [("rim", _triangle(-0.035, corner, down))] if dice.chance(style.rim) else []
    return [*layers, ("red", _triangle(0.0, corner, down)), ("white", _triangle(band, corner * 0.6, down))]


def _yield(dice: Dice, style: Style) -> Layers:
    return _warning(dice, style, down=True)


PLATES: dict[str, Callable[[Dice, Style], Layers]] = {
    "ring": _ring,
    "blue": _blue,
    "bar": _bar,
    "octagon": _octagon,
    "warning": _warning,
    "yield": _yield,
}


def slash(kind: str, width: float, reach: float, angle: float) -> np.ndarray:
    """Edges of a bar across a ring from rim to rim; "rising" goes up to the right, at `angle` degrees from the horizontal."""
    c, s = turn(-angle if kind == "rising" else angle)
    along, side = np.array([c, s]) * reach, np.array([-s, c]) * (width / 2)
    return outline(np.array([along + side, side - along, -along - side, along - side]))


def board(dice: Dice) -> np.ndarray:
    """Edges of a rectangular board behind a plate."""
    w, h = dice.between(1.06, 1.3), dice.between(1.08, 1.4)
    return outline(rounded(np.array([(-w, -w), (w, -w), (w, h), (-w, h)]), dice.between(0.02, 0.08)))
