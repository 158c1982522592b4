"""One sign as painted layers in the plate's frame: plate, pictogram with its variation, slash, stickers."""

from __future__ import annotations

import numpy as np

from dazoo_signs.synsigns.classes import Design
from dazoo_signs.synsigns.dice import Dice
from dazoo_signs.synsigns.plates import PLATES
from dazoo_signs.synsigns.plates import board
from dazoo_signs.synsigns.plates import slash
from dazoo_signs.synsigns.shapes import circle
from dazoo_signs.synsigns.shapes import outline
from dazoo_signs.synsigns.styles import Style


Painted = list[tuple[tuple[float, float, float], np.ndarray]]
"""(RGB 0-255, edges (M, 2, 2)) from the bottom up."""


def _paints(style: Style, dice: Dice) -> dict[str, tuple[float, float, float]]:
    tables = {"red": style.red, "white": style.white, "black": style.black, "blue": style.blue}
    paints = {}
    for name, options in tables.items():
        red, green, blue = dice.pick(options)
        paints[name] = (red + dice.around(18), green + dice.around(18), blue + dice.around(18))
    grey = dice.between(150, 245)
    paints["rim"] = (grey, grey, grey)
    return paints


def _vary(edges: np.ndarray, design: Design, style: Style, dice: Dice) -> np.ndarray:
    """The pictogram's edges, placed in the plate, with its own size, slant and a gentle bend."""
    mirror = design.mirror != dice.chance(design.flips)
    roam = style.warp
    scale = design.scale * (1.0 + dice.around(1.5 * roam + 0.06))
    wide = scale * design.stretch * (1.0 + dice.around(1.5 * roam + 0.03)) * (-1.0 if mirror else 1.0)
    slant, bow, sag = dice.around(roam), dice.around(roam), dice.around(roam)
    dx, dy = dice.around(0.4 * roam + 0.02), dice.around(0.4 * roam + 0.02)
    x, y = edges[..., 0], edges[..., 1]
    out = np.stack([wide * (x + slant * y + bow * y * y) + dx, scale * (y + sag * x * x) + design.y + dy], axis=-1)
    return out[:, ::-1] if mirror else out


def _sticker(dice: Dice) -> tuple[tuple[float, float, float], np.ndarray]:
    x, y, w, h, lean = dice.around(0.7), dice.around(0.7), dice.between(0.06, 0.22), dice.between(0.05, 0.15), dice.around(0.6)
    corners = np.array([(x - w, y - h - lean * w), (x + w, y - h + lean * w), (x + w, y + h + lean * w), (x - w, y + h - lean * w)])
    return (dice.between(20, 250), dice.between(20, 250), dice.between(20, 250)), outline(corners)


def paint(design: Design, style: Style, dice: Dice) -> tuple[Painted, Painted]:
    """Draw one sign.

    Args:
        design: what it shows.
        style: the variant's ranges.
        dice: choices of this picture.

    Returns:
        (board behind the plate, 0 or 1 layers; the plate with all that is on it, silhouette first), edges in the plate's frame.
    """
    paints = _paints(style, dice)
    behind: Painted = []
    if dice.chance(style.backing):
        red, green, blue = dice.pick(style.boards)
        behind.append(((red + dice.around(15), green + dice.around(15), blue + dice.around(15)), board(dice)))
    layers: Painted = [(paints[colour], edges) for colour, edges in PLATES[design.plate](dice, style)]

    bar: Painted = []
    if design.slash:
        bar.append((paints["red"], slash(design.slash, dice.within(style.slash), 0.9, dice.between(38, 52))))
    under = bool(bar) and dice.chance(0.25)
    bold, head = dice.within(style.bold), dice.within(style.head)
    picture = dice.pick(design.pictures)
    sizes = [drawing.edges(bold, head) for _, drawing in picture]
    placed = _vary(np.concatenate(sizes), design, style, dice) if sizes else np.zeros((0, 2, 2))
    ends = np.cumsum([len(s) for s in sizes]).tolist()
    drawn = [(paints[colour], placed[end - len(size) : end]) for (colour, _), size, end in zip(picture, sizes, ends, strict=True)]
    layers += bar + drawn if under else drawn + bar

    for _ in range(2):
        if dice.chance(0.12 * (style.dirt[1] > 0.2)):
            layers.append(_sticker(dice))
    if dice.chance(0.2):  # screws
        grey = dice.between(90, 200)
        bolts = [outline(circle(0.0, y, 0.045, 6)) for y in (-dice.between(0.5, 0.8), dice.between(0.5, 0.8))]
        layers.append(((grey, grey, grey), np.concatenate(bolts)))
    return behind, layers
