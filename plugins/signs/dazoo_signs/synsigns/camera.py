"""The camera: light, tone, optics, sensor noise and JPEG-like blocks, on a whole batch at once.

Every sum that could depend on the order of its terms (matrix products) is over whole numbers held in float64, which is
exact; the rest is plain elementwise arithmetic. So a picture has the same bytes on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dazoo_signs.synsigns.background import mottle
from dazoo_signs.synsigns.dice import Dice
from dazoo_signs.synsigns.shapes import turn
from dazoo_signs.synsigns.styles import Style


@dataclass(frozen=True)
class Shot:
    """How one picture was taken: see `styles.Style` for the meaning; grids are (g, g, 1) uint8, grain (H, W, 4, 2) uint8."""

    light: tuple[float, float, float]
    ground: tuple[float, float, float]
    slope: tuple[float, float]
    fade: float
    bleach: tuple[float, float, float]
    dirt: float
    dapple: float
    stains: np.ndarray
    leaves: np.ndarray
    curve: float
    blur: tuple[float, float]
    coarse: float
    sharpen: float
    noise: float
    jpeg: float
    grain: np.ndarray


def shot(dice: Dice, style: Style, height: int, width: int) -> Shot:
    """Choose light and camera of one picture."""
    exposure = dice.within(style.exposure)
    backlit = dice.chance(0.12)
    ground = exposure * (dice.between(1.2, 2.2) if backlit else dice.between(0.7, 1.2))
    exposure *= dice.between(0.45, 0.8) if backlit else 1.0
    warm = dice.within(style.warm)
    cast = (1.0 + warm + dice.around(style.cast), 1.0 + dice.around(style.cast), 1.0 - warm + dice.around(style.cast))
    blur, motion = dice.within(style.blur), dice.between(0.5, 1.6) if dice.chance(0.2) else 0.0
    sideways = dice.chance(0.6)
    return Shot(
        light=(exposure * cast[0], exposure * cast[1], exposure * cast[2]),
        ground=(ground * cast[0], ground * cast[1], ground * cast[2]),
        slope=(dice.around(0.25), dice.around(0.25)),
        fade=dice.within(style.fade) * dice.unit(),
        bleach=(dice.between(190, 225), dice.between(170, 210), dice.between(150, 205)),
        dirt=dice.within(style.dirt),
        dapple=dice.between(0.2, 0.6) if dice.chance(0.2) else 0.0,
        stains=dice.noise(8, 8, 1),
        leaves=dice.noise(7, 7, 1),
        curve=dice.within(style.curve),
        blur=(blur + motion * sideways, blur + motion * (not sideways)),
        coarse=dice.between(style.coarse[1], 1.0) if dice.chance(style.coarse[0]) else 1.0,
        sharpen=dice.within(style.sharpen),
        noise=dice.within(style.noise) * dice.unit(),
        jpeg=dice.within(style.jpeg) * dice.unit(),
        grain=dice.noise(height, width, 4, 2),
    )


def _column(shots: list[Shot], name: str) -> np.ndarray:
    return np.array([getattr(s, name) for s in shots], np.float32).reshape(len(shots), 1, 1, -1)


def light_sign(shots: list[Shot], sign: np.ndarray) -> np.ndarray:
    """Fade, stain, dapple and light the painted sign, (N, H, W, 3) float32 0-255."""
    n, height, width, _ = sign.shape
    sign = sign + _column(shots, "fade") * (_column(shots, "bleach") - sign)
    stains = np.clip(mottle(np.stack([s.stains for s in shots]), height, width) * 2, 0, 1)
    leaves = np.clip(mottle(np.stack([s.leaves for s in shots]), height, width) * 4, 0, 1)
    shade = (1 - _column(shots, "dirt") * stains) * (1 - _column(shots, "dapple") * leaves)
    slope = _column(shots, "slope")
    x = ((np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1)[None, None, :, None]
    y = ((np.arange(height, dtype=np.float32) + 0.5) / height * 2 - 1)[None, :, None, None]
    shade = shade * (1 + slope[..., :1] * x + slope[..., 1:] * y)
    return sign * shade * _column(shots, "light")


def light_ground(shots: list[Shot], ground: np.ndarray) -> np.ndarray:
    """Light the background."""
    return ground * _column(shots, "ground")


def expose(shots: list[Shot], picture: np.ndarray) -> np.ndarray:
    """Light (N, H, W, 3) 0-255 to uint8 pictures: tone curve, optics, noise, compression."""
    n, height, width, _ = picture.shape
    v = np.clip(picture * np.float32(1 / 255), 0, 1)
    v = v + _column(shots, "curve") * v * (1 - v)
    v = _optics(shots, np.rint(v * np.float32(255)).astype(np.float64))
    grain = np.stack([s.grain for s in shots]).astype(np.int16).sum(axis=-1) - 255
    amount = _column(shots, "noise").astype(np.float64) / 104.5
    v = v + amount * (0.8 * grain[..., :1] + 0.6 * grain[..., 1:])
    v = np.clip(np.rint(v), 0, 255)
    rough = [i for i, s in enumerate(shots) if s.jpeg >= 2.0]
    if rough:
        v[rough] = _blocks(v[rough], np.array([int(shots[i].jpeg) for i in rough]))
    return v.astype(np.uint8)


@lru_cache(maxsize=256)
def _coarse(pixels: int, small: int) -> np.ndarray:
    """(pixels, pixels): averaging down to `small` pixels and interpolating up again."""
    scale = small / pixels
    left, right = np.arange(pixels) * scale, (np.arange(pixels) + 1) * scale
    cell = np.arange(small)[:, None]
    down = np.clip(np.minimum(right, cell + 1) - np.maximum(left, cell), 0, None)
    at = np.clip((np.arange(pixels) + 0.5) * scale - 0.5, 0, small - 1)[:, None]
    up = np.clip(1 - np.abs(at - np.arange(small)), 0, None)
    return up @ down


def _lens(pixels: int, sigma: np.ndarray, coarse: np.ndarray, sharpen: np.ndarray) -> np.ndarray:
    """(N, pixels, pixels) whole numbers: 4096 times the blur, coarsening and sharpening along one axis."""
    offset = np.arange(pixels)[:, None] - np.arange(pixels)
    sigma = np.maximum(sigma, 0.05) * (pixels / 48 if pixels < 96 else 1.0)
    blur = np.exp(-(offset * offset) / (2 * sigma * sigma)[:, None, None])
    blur /= blur.sum(axis=2, keepdims=True)
    small = np.maximum(np.rint(coarse * pixels), 8).astype(int)
    blur = np.stack([_coarse(pixels, min(int(m), pixels)) for m in small]) @ blur
    edge = np.where(offset == 0, 1.0, 0.0) - _neighbours(offset)
    return np.rint((blur + 0.5 * sharpen[:, None, None] * (edge @ blur)) * 4096)


def _neighbours(offset: np.ndarray) -> np.ndarray:
    near = np.where(np.abs(offset) == 1, 1.0, 0.0)
    return near / near.sum(axis=1, keepdims=True)


def _optics(shots: list[Shot], picture: np.ndarray) -> np.ndarray:
    n, height, width, c = picture.shape
    blur, coarse, sharpen = (np.array([getattr(s, k) for s in shots]) for k in ("blur", "coarse", "sharpen"))
    rows = _lens(height, blur[:, 1], coarse, sharpen) @ picture.reshape(n, height, width * c)  # (N, H, W*3)
    rows = rows.reshape(n, height, width, c).transpose(0, 2, 1, 3).reshape(n, width, height * c)
    cols = _lens(width, blur[:, 0], coarse, sharpen) @ rows
    return cols.reshape(n, width, height, c).transpose(0, 2, 1, 3) * (1.0 / (4096 * 4096))


def _dct() -> np.ndarray:
    rows = [[turn(22.5 * (2 * x + 1) * u / 2)[0] * (0.5 if u else 0.353553391) for x in range(8)] for u in range(8)]
    return np.rint(np.array(rows) * 1024)


_DCT = _dct()
_STEP = 1.0 + 0.5 * (np.arange(8)[:, None] + np.arange(8))


def _blocks(pictures: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Quantise 8x8 blocks as JPEG does, luma with `step`, chroma coarser; (N, H, W, 3) whole numbers in and out."""
    n, height, width, _ = pictures.shape
    padded = np.pad(pictures, ((0, 0), (0, -height % 8), (0, -width % 8), (0, 0)), mode="edge")
    rows, cols = padded.shape[1] // 8, padded.shape[2] // 8
    green = padded[..., 1]
    planes = np.stack([np.rint((padded[..., 0] + 2 * green + padded[..., 2]) / 4), padded[..., 0] - green, padded[..., 2] - green], axis=1)
    blocks = planes.reshape(n, 3, rows, 8, cols, 8).transpose(0, 1, 2, 4, 3, 5)  # (N, 3, rows, cols, 8, 8)
    table = np.rint(step[:, None, None, None] * np.array([1.0, 1.6, 1.6])[:, None, None] * _STEP)[:, :, None, None]
    waves = np.rint((_DCT @ blocks @ _DCT.T) / 1048576 / table) * table
    planes = np.rint((_DCT.T @ waves @ _DCT) / 1048576).transpose(0, 1, 2, 4, 3, 5).reshape(n, 3, rows * 8, cols * 8)
    green = planes[:, 0] - (planes[:, 1] + planes[:, 2]) / 4
    out = np.stack([planes[:, 1] + green, green, planes[:, 2] + green], axis=-1)[:, :height, :width]
    return np.clip(np.rint(out), 0, 255)
