"""What is behind a sign: two colours, three scales of mottling and a few plain shapes (poles, walls, neighbours)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dazoo_signs.synsigns.dice import Dice
from dazoo_signs.synsigns.shapes import circle
from dazoo_signs.synsigns.shapes import outline
from dazoo_signs.synsigns.sign import Painted


GRIDS = (4, 9, 22)
"""Cells a side of the mottling, from coarse to fine."""

# kind: colours above, colours below, strength of the three scales of mottling
_KINDS: dict[str, tuple[tuple[tuple[int, int, int], ...], tuple[tuple[int, int, int], ...], tuple[float, float, float]]] = {
    "sky": (((120, 165, 220), (190, 205, 225), (235, 238, 242)), ((200, 215, 230), (240, 242, 245)), (25, 8, 3)),
    "foliage": (((60, 80, 45), (85, 110, 60), (40, 50, 35)), ((50, 65, 40), (95, 95, 60)), (45, 60, 75)),
    "thicket": (((45, 40, 35), (25, 28, 22)), ((60, 52, 42), (30, 28, 25)), (20, 35, 55)),
    "wall": (((190, 180, 165), (150, 140, 130), (215, 205, 190)), ((180, 170, 155), (130, 122, 115)), (15, 12, 8)),
    "horizon": (((190, 210, 235), (230, 235, 240)), ((70, 85, 50), (120, 112, 100), (90, 85, 80)), (20, 30, 30)),
    "shade": (((30, 32, 36), (18, 20, 20)), ((40, 38, 36), (22, 24, 26)), (10, 12, 12)),
}
_MIX = {
    "vienna": ((2.0, "thicket"), (1.5, "sky"), (1.5, "wall"), (1.0, "foliage"), (1.0, "shade"), (0.8, "horizon")),
    "indian": ((3.5, "foliage"), (2.0, "sky"), (1.0, "thicket"), (0.7, "wall"), (1.3, "horizon"), (0.2, "shade")),
}


@dataclass(frozen=True)
class Backdrop:
    """Colours (RGB) above and below, height of the change and its softness, mottling strengths and their grids, shapes."""

    above: tuple[float, float, float]
    below: tuple[float, float, float]
    level: float
    soft: float
    strength: tuple[float, float, float]
    grids: tuple[np.ndarray, ...]
    shapes: Painted


def _rectangle(x0: float, y0: float, x1: float, y1: float, lean: float = 0.0) -> np.ndarray:
    return outline(np.array([(x0, y0), (x1, y0 + lean), (x1 + lean, y1 + lean), (x0 + lean, y1)]))


def _tinted(dice: Dice, colour: tuple[int, int, int], spread: float = 22.0) -> tuple[float, float, float]:
    return (colour[0] + dice.around(spread), colour[1] + dice.around(spread), colour[2] + dice.around(spread))


def _shapes(dice: Dice, middle: float, foot: float) -> Painted:
    """Shapes in crop coordinates 0..1; `middle` is the sign's x, `foot` its lower end."""
    shapes: Painted = []
    for _ in range(int(dice.between(0, 3.2))):
        x, y, w, h = dice.between(-0.3, 1.0), dice.between(-0.3, 0.9), dice.between(0.1, 0.7), dice.between(0.1, 0.7)
        grey = dice.between(20, 245)
        shapes.append(
            ((grey + dice.around(50), grey + dice.around(35), grey + dice.around(50)), _rectangle(x, y, x + w, y + h, dice.around(0.1)))
        )
    if dice.chance(0.3):
        x, y, r = dice.between(0, 1), dice.between(0, 1), dice.between(0.1, 0.35)
        shapes.append(
            ((dice.between(20, 110), dice.between(40, 130), dice.between(20, 70)), outline(circle(x, y, r, 7, dice.between(0, 50))))
        )
    if dice.chance(0.75):
        w, grey = dice.between(0.02, 0.06), dice.between(40, 190)
        top = 0.0 if dice.chance(0.25) else foot - 0.1
        shapes.append(((grey, grey, grey + dice.around(10)), _rectangle(middle - w, top, middle + w, 1.1, dice.around(0.06))))
    if dice.chance(0.3):  # a neighbour under or above the sign
        below, wide = dice.chance(0.7), dice.between(0.15, 0.42)
        y = foot + dice.between(0.0, 0.05) if below else 1.0 - foot - dice.between(0.0, 0.05)
        colour = dice.pick(((225, 225, 220), (25, 80, 170), (195, 40, 45), (240, 240, 240), (235, 190, 40)))
        tall = 0.4 if below else -0.4
        if dice.chance(0.5):
            shapes.append((_tinted(dice, colour), _rectangle(middle - wide, y, middle + wide, y + tall)))
        else:
            shapes.append((_tinted(dice, colour), outline(circle(middle, y + tall, 0.4, 24))))
    return shapes


def backdrop(dice: Dice, variant: str, middle: float, foot: float) -> Backdrop:
    """Choose a background for a sign whose middle is at x `middle` and whose lower end is at y `foot` (0..1)."""
    kind = dice.weighted(_MIX[variant])
    above, below, strength = _KINDS[kind]
    amount = dice.between(0.4, 1.3)
    return Backdrop(
        above=_tinted(dice, dice.pick(above)),
        below=_tinted(dice, dice.pick(below)),
        level=dice.between(0.2, 0.9),
        soft=dice.between(0.02, 0.1) if kind == "horizon" else dice.between(0.3, 1.0),
        strength=(strength[0] * amount, strength[1] * amount, strength[2] * amount),
        grids=tuple(dice.noise(g, g, 4) for g in GRIDS),
        shapes=_shapes(dice, middle, foot),
    )


@lru_cache(maxsize=32)
def stretcher(cells: int, pixels: int) -> np.ndarray:
    """(pixels, cells) linear interpolation with weights that are whole 1/256, so that products are exact."""
    at = (np.arange(pixels) + 0.5) * (cells - 1) / pixels
    low = np.minimum(np.floor(at), cells - 2).astype(np.int64)
    share = np.floor((at - low) * 256 + 0.5)
    out = np.zeros((pixels, cells))
    out[np.arange(pixels), low], out[np.arange(pixels), low + 1] = 256 - share, share
    return out


def mottle(grids: np.ndarray, height: int, width: int) -> np.ndarray:
    """Interpolated noise, (N, g, g, C) uint8 to (N, height, width, C) float32 in [-1, 1]."""
    n, g, _, c = grids.shape
    rows = stretcher(g, height) @ grids.astype(np.float64).reshape(n, g, g * c)
    cols = stretcher(g, width) @ rows.reshape(n * height, g, c)
    return (cols.reshape(n, height, width, c) * (1.0 / (65536 * 127.5)) - 1.0).astype(np.float32)


def paint_backdrops(backdrops: list[Backdrop], height: int, width: int) -> np.ndarray:
    """The backgrounds without their shapes, (N, height, width, 3) float32, not clipped."""
    above, below = (np.array([getattr(b, k) for b in backdrops], np.float32)[:, None, None] for k in ("above", "below"))
    level, soft = (np.array([getattr(b, k) for b in backdrops], np.float32)[:, None] for k in ("level", "soft"))
    share = np.clip(((np.arange(height, dtype=np.float32) + 0.5) / height - level) / soft + 0.5, 0, 1)[:, :, None, None]
    out = np.broadcast_to(above + (below - above) * share, (len(backdrops), height, width, 3)).copy()
    for k in range(len(GRIDS)):
        field = mottle(np.stack([b.grids[k] for b in backdrops]), height, width)
        strength = np.array([b.strength[k] for b in backdrops], np.float32)[:, None, None, None]
        out += strength * (field[..., :1] + np.float32(0.3) * field[..., 1:])
    return out
