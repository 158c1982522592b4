"""Dead leaves: discs of all sizes that hide each other. Lee, Mumford and Huang, "Occlusion models for natural images", IJCV 2001.

Edges, contrasts and sizes are distributed as in photographs. So a network that restores pictures learns nearly as much from them (Achddou,
Gousseau and Ladjal, "Synthetic images as a regularity prior for image restoration neural networks", SSVM 2021), and nobody's permission is
needed. The colours are not those of photographs: nothing learns from them which colour a thing has.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from PIL import ImageDraw

from dazoo.contracts.images import ImageSet
from dazoo.data import Drawn


FINE = 2
"""Pictures are drawn this many times as large, then shrunk."""
TEXTURES = 4
"""In one picture; a leaf has one of them."""


class DeadLeaves(Drawn):
    """Pictures of dead leaves, every second one of textured leaves. `count` and `seed`: see `dazoo.data.Drawn`."""

    name = "leaves"
    classes = ("plain", "textured")
    usual = 4000

    def draw(self, n: int, size: int, split: str) -> ImageSet:
        labels = np.arange(n) % 2
        dice = [np.random.default_rng((self.seed, split == "test", i)) for i in range(n)]
        images = np.stack([leaves(size, one, textured=bool(y)) for one, y in zip(dice, labels, strict=True)])
        return ImageSet(self.name, images, labels.astype(np.int64), self.classes)


def leaves(size: int, dice: np.random.Generator, *, textured: bool) -> np.ndarray:
    """One picture (size, size, 3) uint8. The density of radii falls with their third power, up to the picture's own side.

    The least radius, from 1 to 8 px, and the spread of brightness and colours are those of one picture.
    """
    side = FINE * size
    small, large = FINE * float(2 ** dice.uniform(0, 3)), float(side)
    n = 4 * side**2 // int(2 * np.pi * small**2 * np.log(large / small))  # each pixel is hidden about four times
    share = dice.uniform(size=n)
    radii = small / np.sqrt(1 - share * (1 - (small / large) ** 2))
    centres = dice.uniform(0, side, (n, 2))
    greys = dice.normal(dice.uniform(60, 200), dice.uniform(20, 90), (n, 1))
    colours = (greys + dice.normal(0, dice.uniform(5, 40), (n, 3))).clip(0, 255).astype(int)
    kinds = dice.integers(0, TEXTURES, n)
    picture, kind = Image.new("RGB", (side, side), tuple(colours[0])), Image.new("L", (side, side))
    paint, mark = ImageDraw.Draw(picture), ImageDraw.Draw(kind)
    for (x, y), r, colour, k in zip(centres.tolist(), radii.tolist(), colours.tolist(), kinds.tolist(), strict=True):
        box = (x - r, y - r, x + r, y + r)
        paint.ellipse(box, fill=tuple(colour))
        mark.ellipse(box, fill=k)
    if textured:
        waves = np.stack([wave(side, dice) for _ in range(TEXTURES)])
        texture = np.take_along_axis(waves, np.asarray(kind)[None].astype(np.intp), 0)[0]
        picture = Image.fromarray((np.asarray(picture) + texture[..., None]).clip(0, 255).astype(np.uint8))
    return np.asarray(picture.resize((size, size), Image.Resampling.BOX))


def wave(side: int, dice: np.random.Generator) -> np.ndarray:
    """Stripes (side, side) in one direction, of one wavelength from 3 to 24 pixels of the result, or roughness without a direction."""
    strength = dice.uniform(3, 40)
    if dice.uniform() < 0.5:
        return strength * dice.normal(size=(side, side))
    angle, length, phase = dice.uniform(0, np.pi), FINE * dice.uniform(3, 24), dice.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:side, :side]
    return strength * np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / length + phase)
