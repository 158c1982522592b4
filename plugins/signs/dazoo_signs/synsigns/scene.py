"""A road with several signs and their boxes, for trying a class map on a picture larger than a crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

import numpy as np

from dazoo.errors import SettingsError
from dazoo_signs.synsigns.background import backdrop
from dazoo_signs.synsigns.camera import shot
from dazoo_signs.synsigns.classes import CLASSES
from dazoo_signs.synsigns.dice import Dice
from dazoo_signs.synsigns.render import Plan
from dazoo_signs.synsigns.render import design_of
from dazoo_signs.synsigns.render import develop
from dazoo_signs.synsigns.render import placed
from dazoo_signs.synsigns.render import pose
from dazoo_signs.synsigns.shapes import circle
from dazoo_signs.synsigns.shapes import outline
from dazoo_signs.synsigns.sign import Painted
from dazoo_signs.synsigns.sign import paint
from dazoo_signs.synsigns.styles import STYLES


SMALLEST = 32
"""Least width in pixels of a sign's share of the scene."""


@dataclass(frozen=True)
class SignBox:
    """A sign in a scene: its class and the pixels it fills, x1 and y1 exclusive."""

    class_index: int
    x0: int
    y0: int
    x1: int
    y1: int


def _landscape(dice: Dice, horizon: float) -> Painted:
    """Houses, trees and a road with its marks, in picture coordinates 0..1, from far to near."""
    shapes: Painted = []
    for _ in range(3):
        x, w, h, grey = dice.between(-0.1, 1.0), dice.between(0.08, 0.25), dice.between(0.05, 0.25), dice.between(90, 210)
        house = np.array([(x, horizon - h), (x + w, horizon - h), (x + w, horizon + 0.02), (x, horizon + 0.02)])
        shapes.append(((grey, grey - dice.between(0, 15), grey - dice.between(5, 40)), outline(house)))
    for _ in range(9):
        x, r, green = dice.between(-0.05, 1.05), dice.between(0.04, 0.13), dice.between(50, 105)
        crown = circle(x, horizon - 0.4 * r, r, 9, dice.between(0, 40)) * np.array([[1.0, 1.2]]) - np.array([[0.0, 0.2 * horizon]])
        shapes.append(((0.7 * green, green, 0.5 * green), outline(crown)))
    shapes.append(((95.0, 115.0, 65.0), outline(np.array([(-0.1, horizon), (1.1, horizon), (1.1, 1.1), (-0.1, 1.1)]))))
    vanish, left, right, grey = dice.between(0.4, 0.6), dice.between(-0.1, 0.15), dice.between(0.85, 1.1), dice.between(85, 125)
    road = np.array([(vanish - 0.02, horizon), (vanish + 0.02, horizon), (right, 1.05), (left, 1.05)])
    shapes.append(((grey, grey, grey + 4), outline(road)))
    for k in range(4):  # the dashes grow as they come nearer
        top, bottom = (horizon + (1.05 - horizon) * t * t for t in (0.25 + 0.2 * k, 0.35 + 0.2 * k))
        middle = (left + right) / 2
        xs = [vanish + (middle - vanish) * (y - horizon) / (1.05 - horizon) for y in (top, bottom)]
        wide = [0.02 * (y - horizon) / (1.05 - horizon) + 0.001 for y in (top, bottom)]
        dash = np.array([(xs[0] - wide[0], top), (xs[0] + wide[0], top), (xs[1] + wide[1], bottom), (xs[1] - wide[1], bottom)])
        shapes.append(((225.0, 225.0, 220.0), outline(dash)))
    return shapes


def scene(
    rng: np.random.Generator,
    size: tuple[int, int] = (240, 320),
    *,
    signs: Sequence[int | str],
    variant: str = "indian",
) -> tuple[np.ndarray, list[SignBox]]:
    """Draw a road scene with signs side by side, from left to right.

    Args:
        rng: source of all choices.
        size: height and width in pixels.
        signs: classes, as names or as positions in `CLASSES`.
        variant: "vienna" or "indian".

    Returns:
        (height, width, 3) uint8, and a box for each sign, in the order given.

    Raises:
        SettingsError: an unknown class or variant, or more signs than have room.
    """
    height, width = size
    unknown = [s for s in signs if isinstance(s, str) and s not in CLASSES]
    if unknown:
        raise SettingsError(f"Cannot draw the classes {unknown}; the sign renderer draws {', '.join(CLASSES)}.")
    if not signs or width < SMALLEST * len(signs) or height < 2 * SMALLEST:
        raise SettingsError(
            f"A scene of {height}x{width} px cannot hold {len(signs)} signs; "
            f"it holds 1 to {width // SMALLEST}, and must be {2 * SMALLEST} px high."
        )
    dice = Dice(rng)
    indices = [CLASSES.index(s) if isinstance(s, str) else s for s in signs]
    designs = [design_of(index, variant, dice) for index in indices]
    calm: dict[str, Any] = {
        "dirt": (0.0, 0.2),
        "fade": (0.0, 0.2),
        "blur": (0.3, 0.6),
        "coarse": (0.0, 1.0),
        "jpeg": (0.0, 8.0),
        "curve": (-0.1, 0.25),
    }
    style = replace(STYLES[variant], backing=0.0, **calm)
    horizon = dice.between(0.55, 0.68)
    shapes, drawn, boxes = _landscape(dice, horizon), [], []
    for k, (index, design) in enumerate(zip(indices, designs, strict=True)):
        room = width / len(signs)
        half = min(0.44 * room, height * dice.between(0.1, 0.14))
        x = (k + 0.5) * room + dice.around(max(0.0, 0.46 * room - half))
        y = height * dice.between(0.25, 0.5)
        matrix = pose(dice, style, x / width, y / height, half / width, half / height)
        behind, layers = paint(design, style, dice)
        plate = placed(layers, matrix)
        pole, grey, foot = 0.05 * half / width, dice.between(90, 170), horizon + dice.between(0.1, 0.3)
        corners = [(x / width - pole, y / height), (x / width + pole, y / height), (x / width + pole, foot), (x / width - pole, foot)]
        shapes.append(((grey, grey, grey), outline(np.array(corners))))
        drawn.append((placed(behind, matrix), plate))
        points = plate[0][1].reshape(-1, 2) * np.array([width, height])
        low, high = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
        boxes.append(SignBox(index, max(0, int(low[0])), max(0, int(low[1])), min(width, int(high[0])), min(height, int(high[1]))))
    ground = backdrop(dice, variant, 0.5, 0.5)
    sky = (dice.between(120, 200), dice.between(170, 210), dice.between(215, 240))
    ground = replace(
        ground, above=sky, below=(215.0, 222.0, 228.0), level=horizon / 2, soft=horizon, strength=(10.0, 5.0, 2.0), shapes=shapes
    )
    view = replace(shot(dice, style, height, width), dapple=0.0)
    day, warm = dice.between(0.88, 1.08), dice.between(-0.03, 0.06)
    light = (day * (1 + warm), day, day * (1 - warm))
    view = replace(view, light=light, ground=light, slope=(0.0, 0.0))
    return develop([Plan(ground, tuple(drawn), [], view)], height, width)[0], boxes
