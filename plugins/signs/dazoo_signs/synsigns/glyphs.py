"""Digits and letters as pen strokes of our own, so that no font file is needed and the text is the same everywhere.

A glyph lives in x -0.5..0.5, y -1..1 (down). Each stroke is (kind, points): "l" straight pieces, "s" a smooth curve,
"o" a smooth closed curve.
"""

from __future__ import annotations

from functools import lru_cache

from dazoo_signs.synsigns.shapes import Drawing
from dazoo_signs.synsigns.shapes import Point
from dazoo_signs.synsigns.shapes import curve
from dazoo_signs.synsigns.shapes import drawing
from dazoo_signs.synsigns.shapes import line
from dazoo_signs.synsigns.shapes import moved


Stroke = tuple[str, tuple[Point, ...]]

_A, _B = 0.45, 1.0  # half width and half height of a round glyph
_BOX = ((-_A, -_B), (_A, -_B), (_A, _B), (-_A, _B))
_TALL = ((-_A, -0.5), (-_A, -_B), (_A, -_B), (_A, -0.5), (_A, 0.5), (_A, _B), (-_A, _B), (-_A, 0.5))

DIN: dict[str, tuple[Stroke, ...]] = {
    "0": (("o", _TALL),),
    "2": (("s", ((-_A, -0.55), (-_A, -_B), (_A, -_B), (_A, -0.4), (0.25, 0.1))), ("l", ((0.28, 0.05), (-0.45, _B), (0.48, _B)))),
    "3": (
        ("s", ((-0.43, -0.6), (-0.43, -_B), (0.42, -_B), (0.42, -0.08), (0.05, -0.08), (-0.1, -0.08))),
        ("s", ((-0.1, -0.08), (0.05, -0.08), (_A, -0.08), (_A, _B), (-_A, _B), (-_A, 0.55))),
    ),
    "6": (("o", ((-_A, -0.1), (_A, -0.1), (_A, _B), (-_A, _B))), ("l", ((-0.42, 0.3), (0.15, -_B)))),
}
"""Narrow digits of German signs."""

GOTHIC: dict[str, tuple[Stroke, ...]] = {
    "0": (("o", _BOX),),
    "2": (
        ("s", ((-0.47, -0.5), (-0.4, -_B), (0.47, -_B), (0.5, -0.35), (0.1, 0.1), (-0.4, 0.45), (-0.48, 0.95))),
        ("l", ((-0.48, _B), (0.5, _B))),
    ),
    "3": (
        ("s", ((-0.46, -0.55), (-0.4, -_B), (0.45, -_B), (0.45, -0.08), (0.0, -0.08), (-0.12, -0.08))),
        ("s", ((-0.12, -0.06), (0.1, -0.06), (0.5, -0.02), (0.5, _B), (-0.44, _B), (-0.49, 0.45))),
    ),
    "6": (
        ("o", ((-_A, -0.12), (_A, -0.12), (_A, _B), (-_A, _B))),
        ("s", ((-0.45, 0.5), (-0.5, -0.3), (-0.4, -_B), (0.35, -_B), (0.46, -0.55))),
    ),
}
"""Round, wide digits of Indian signs."""

_L, _R, _T, _M, _D = -0.42, 0.42, -1.0, 0.0, 1.0
LETTERS: dict[str, tuple[Stroke, ...]] = {
    "A": (("l", ((_L, _D), (0, _T), (_R, _D))), ("l", ((-0.25, 0.35), (0.25, 0.35)))),
    "B": (
        ("l", ((_L, _M), (_L, _T), (0.1, _T))),
        ("s", ((0.1, _T), (_R, _T), (_R, _M), (0, _M), (_L, _M))),
        ("s", ((0, _M), (_R, _M), (_R, _D), (0, _D), (_L, _D))),
        ("l", ((_L, _D), (_L, _M))),
    ),
    "C": (("s", ((_R, -0.5), (_R, _T), (_L, _T), (_L, -0.4), (_L, 0.4), (_L, _D), (_R, _D), (_R, 0.5))),),
    "D": (("l", ((0, _D), (_L, _D), (_L, _T), (0, _T))), ("s", ((0, _T), (_R, _T), (_R, -0.4), (_R, 0.4), (_R, _D), (0, _D)))),
    "E": (("l", ((_R, _T), (_L, _T), (_L, _D), (_R, _D))), ("l", ((_L, _M), (0.3, _M)))),
    "F": (("l", ((_R, _T), (_L, _T), (_L, _D))), ("l", ((_L, _M), (0.3, _M)))),
    "G": (
        ("s", ((_R, -0.5), (_R, _T), (_L, _T), (_L, -0.4), (_L, 0.4), (_L, _D), (_R, _D), (_R, 0.5), (_R, 0.1))),
        ("l", ((_R, 0.1), (0.05, 0.1))),
    ),
    "H": (("l", ((_L, _T), (_L, _D))), ("l", ((_R, _T), (_R, _D))), ("l", ((_L, _M), (_R, _M)))),
    "I": (("l", ((0, _T), (0, _D))),),
    "L": (("l", ((_L, _T), (_L, _D), (_R, _D))),),
    "M": (("l", ((_L, _D), (_L, _T), (0, 0.5), (_R, _T), (_R, _D))),),
    "N": (("l", ((_L, _D), (_L, _T), (_R, _D), (_R, _T))),),
    "O": (("o", _TALL),),
    "P": (("l", ((_L, _D), (_L, _T), (0, _T))), ("s", ((0, _T), (_R, _T), (_R, 0.1), (0, 0.1), (_L, 0.1)))),
    "R": (("l", ((_L, _D), (_L, _T), (0, _T))), ("s", ((0, _T), (_R, _T), (_R, 0.1), (0, 0.1), (_L, 0.1))), ("l", ((0, 0.1), (_R, _D)))),
    "S": (
        ("s", ((_R, -0.5), (_R, _T), (_L, _T), (_L, -0.5), (_L, -0.12), (0, _M))),
        ("s", ((0, _M), (_R, 0.12), (_R, 0.5), (_R, _D), (_L, _D), (_L, 0.5))),
    ),
    "T": (("l", ((_L, _T), (_R, _T))), ("l", ((0, _T), (0, _D)))),
    "U": (("s", ((_L, _T), (_L, 0.4), (_L, _D), (_R, _D), (_R, 0.4), (_R, _T))),),
    "V": (("l", ((_L, _T), (0, _D), (_R, _T))),),
    "W": (("l", ((-0.5, _T), (-0.25, _D), (0, -0.4), (0.25, _D), (0.5, _T))),),
    "Y": (("l", ((_L, _T), (0, _M), (_R, _T))), ("l", ((0, _M), (0, _D)))),
}


@lru_cache(maxsize=256)
def text(characters: str, pen: float = 0.3, gap: float = 0.12, style: str = "din") -> Drawing:
    """A line of text, centred on the origin, one unit high on each side of it.

    Args:
        characters: digits 0, 2, 3, 6, the letters of `LETTERS`, and spaces.
        pen: stroke width; a glyph is 2 high.
        gap: space between the inked parts of neighbours, where a glyph is about 0.9 wide and a pen's width.
        style: "din" or "gothic" digits.
    """
    table = {**LETTERS, **(DIN if style == "din" else GOTHIC)}
    inset = 1.0 - 0.5 * pen  # the pen's edge, not its middle, reaches the top and the bottom
    parts, x = [], 0.0
    for character in characters:
        width = 0.3 if character == "I" else 0.6 if character == " " else 0.9
        x += (width + pen) / 2
        for kind, points in table.get(character, ()):
            spots = tuple((px, py * inset) for px, py in points)
            piece = line(pen, *spots) if kind == "l" else curve(pen, *spots, closed=kind == "o")
            parts.append(moved(piece, x=x))
        x += (width + pen) / 2 + gap
    return moved(drawing(*parts), x=-(x - gap) / 2)
