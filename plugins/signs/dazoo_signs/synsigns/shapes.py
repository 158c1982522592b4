"""Vector primitives.

A drawing keeps filled outlines, strokes, dots and arrow heads apart, so that each picture can draw it bolder or lighter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


Point = tuple[float, float]


def turn(degrees: float) -> tuple[float, float]:
    """Cosine and sine, rounded so that the last bits of a machine's math library do not matter."""
    return round(math.cos(math.radians(degrees)), 9), round(math.sin(math.radians(degrees)), 9)


def circle(x: float, y: float, radius: float, corners: int = 12, lift: float = 0.0) -> np.ndarray:
    """(corners, 2) points on a circle, the first at `lift` degrees."""
    angles = [turn(lift + 360.0 * i / corners) for i in range(corners)]
    return np.array([(x + radius * c, y + radius * s) for c, s in angles])


def smooth(points: Sequence[Point] | np.ndarray, closed: bool = False, times: int = 2) -> np.ndarray:
    """Chaikin's corner cutting (1974): a polyline near a quadratic B-spline; an open one keeps its ends."""
    p = np.asarray(points, np.float64)
    for _ in range(times):
        a, b = (p, np.roll(p, -1, axis=0)) if closed else (p[:-1], p[1:])
        cut = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=1).reshape(-1, 2)
        p = cut if closed else np.concatenate([p[:1], cut[1:-1], p[-1:]])
    return p


def outline(points: np.ndarray, hole: bool = False) -> np.ndarray:
    """(M, 2, 2) edges of a closed polygon with positive orientation (negative for a hole)."""
    following = np.roll(points, -1, axis=0)
    area = (points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]).tolist()
    edges = np.stack([points, following], axis=1)
    return edges if (sum(area) > 0) != hole else edges[:, ::-1]


@dataclass(frozen=True)
class Drawing:
    """One ink layer.

    Attributes:
        fixed: (M, 2, 2) edges of filled outlines.
        strokes: (S, 5) x0, y0, x1, y1, width.
        dots: (D, 3) x, y, diameter: round joints and ends, growing with the strokes.
        heads: (T, 6) base x, y, direction x, y, length, width of arrow heads.
    """

    fixed: np.ndarray
    strokes: np.ndarray
    dots: np.ndarray
    heads: np.ndarray

    def edges(self, bold: float = 1.0, head: float = 1.0) -> np.ndarray:
        """All edges, (M, 2, 2), strokes `bold` times as wide and arrow heads `head` times as large."""
        parts = [self.fixed]
        if len(self.strokes):
            start, end = self.strokes[:, 0:2], self.strokes[:, 2:4]
            along = end - start
            length = np.sqrt(along[:, 0] * along[:, 0] + along[:, 1] * along[:, 1])
            side = np.stack([-along[:, 1], along[:, 0]], axis=1) * (0.5 * bold * self.strokes[:, 4] / np.maximum(length, 1e-9))[:, None]
            parts.append(_rings(np.stack([start + side, start - side, end - side, end + side], axis=1)))
        if len(self.dots):
            parts.append(_rings(self.dots[:, None, :2] + 0.5 * bold * self.dots[:, None, 2:] * _UNIT))
        if len(self.heads):
            base, ahead, length, width = self.heads[:, 0:2], self.heads[:, 2:4], self.heads[:, 4:5] * head, self.heads[:, 5:6] * head
            side = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) * (0.5 * width)
            parts.append(_rings(np.stack([base + side, base - side, base + ahead * length], axis=1)))
        return np.concatenate(parts)


def _rings(corners: np.ndarray) -> np.ndarray:
    """Edges (N*K, 2, 2) of N polygons of K corners, (N, K, 2)."""
    return np.stack([corners, np.roll(corners, -1, axis=1)], axis=2).reshape(-1, 2, 2)


_UNIT = circle(0.0, 0.0, 1.0, 10)[None]


def drawing(*parts: Drawing) -> Drawing:
    """Several pieces as one layer."""
    return Drawing(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("fixed", "strokes", "dots", "heads")))


def _make(
    fixed: np.ndarray | None = None,
    strokes: Iterable[Sequence[float]] = (),
    dots: Iterable[Sequence[float]] = (),
    heads: Iterable[Sequence[float]] = (),
) -> Drawing:
    tables = [np.array(list(t), np.float64).reshape(-1, n) for t, n in ((strokes, 5), (dots, 3), (heads, 6))]
    return Drawing(np.zeros((0, 2, 2)) if fixed is None else fixed, *tables)


def area(*points: Point, hole: bool = False) -> Drawing:
    """A filled polygon."""
    return _make(outline(np.asarray(points, np.float64), hole))


def disc(x: float, y: float, radius: float, hole: bool = False) -> Drawing:
    """A filled circle."""
    return _make(outline(circle(x, y, radius, 16), hole))


def ring(x: float, y: float, radius: float, width: float, corners: int = 16) -> Drawing:
    """A circle drawn with a stroke."""
    return line(width, *map(tuple, circle(x, y, radius, corners)), closed=True)


def line(width: float, *points: Point, closed: bool = False, blunt: bool = False) -> Drawing:
    """A polyline drawn with a pen of this width, with round joints, and round ends unless `blunt`."""
    path = [*points, points[0]] if closed else list(points)
    ends = path[1:-1] if blunt else path
    return _make(strokes=[(*a, *b, width) for a, b in zip(path, path[1:], strict=False)], dots=[(x, y, width) for x, y in ends])


def curve(width: float, *points: Point, closed: bool = False, blunt: bool = False, times: int = 2) -> Drawing:
    """A smoothed polyline drawn with a pen."""
    return line(width, *map(tuple, smooth(points, closed, times)), closed=closed, blunt=blunt)


def arrow(width: float, head: float, length: float, *points: Point, bend: int = 0) -> Drawing:
    """A blunt shaft along `points` whose last point is the tip; `bend` smooths it so many times."""
    path = smooth(points, times=bend)
    ahead = path[-1] - path[-2]
    ahead = ahead / math.sqrt(float(ahead[0]) ** 2 + float(ahead[1]) ** 2)
    base = path[-1] - ahead * length
    shaft = [*map(tuple, path[:-1]), tuple(base + ahead * 0.2 * length)]
    return drawing(line(width, *shaft, blunt=True), _make(heads=[(*base, *ahead, length, head)]))


def moved(part: Drawing, x: float = 0.0, y: float = 0.0, scale: float = 1.0, stretch: float = 1.0) -> Drawing:
    """The drawing scaled by (`scale` * `stretch`, `scale`) and then shifted; strokes scale with `scale`."""
    grow, shift = np.array([scale * stretch, scale]), np.array([x, y])
    strokes, dots, heads = part.strokes.copy(), part.dots.copy(), part.heads.copy()
    strokes[:, :4] = strokes[:, :4] * np.tile(grow, 2) + np.tile(shift, 2)
    strokes[:, 4] *= scale
    dots[:, :2] = dots[:, :2] * grow + shift
    dots[:, 2] *= scale
    heads[:, :2] = heads[:, :2] * grow + shift
    heads[:, 4:] *= scale
    return Drawing(part.fixed * grow + shift, strokes, dots, heads)


def leaning(part: Drawing, lean: float, y: float) -> Drawing:
    """The drawing turned by a small angle, tangent `lean`, about (0, y)."""

    def tilt(xy: np.ndarray) -> np.ndarray:
        return np.stack([xy[..., 0] - lean * (xy[..., 1] - y), xy[..., 1] + lean * xy[..., 0]], axis=-1)

    strokes, dots = part.strokes.copy(), part.dots.copy()
    strokes[:, :2], strokes[:, 2:4], dots[:, :2] = tilt(strokes[:, :2]), tilt(strokes[:, 2:4]), tilt(dots[:, :2])
    return Drawing(tilt(part.fixed), strokes, dots, part.heads)


def rounded(points: Sequence[Point] | np.ndarray, corner: float) -> np.ndarray:
    """The polygon with each corner replaced by a curve that begins at the share `corner` (0 to 0.5) of the sides."""
    p = np.asarray(points, np.float64)
    before, after = p + corner * (np.roll(p, 1, axis=0) - p), p + corner * (np.roll(p, -1, axis=0) - p)
    t = np.array([0.0, 0.25, 0.5, 0.75, 1.0])[None, :, None]
    bow = before[:, None] * ((1 - t) * (1 - t)) + p[:, None] * (2 * t * (1 - t)) + after[:, None] * (t * t)
    return bow.reshape(-1, 2)
