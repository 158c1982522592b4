"""Drawings of the report as SVG text; colours and fonts come from the page's style sheet, so they follow light and dark."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from dazoo.leaderboard.ranking import Overall
from dazoo.metrics.intervals import Summary
from dazoo.plain import duration


ROW = (200, 26)
"""Width and height of the drawing in a table's row."""

HUES = 5
"""Classes of lines, h0 to h4; more seeds than that share them."""

INK = (42, 126, 190)
"""Colour of heat maps, red, green, blue; shares are its opacity."""


@dataclass(frozen=True)
class Axis:
    """Accuracies `low` to `high` on `size` pixels, with `ticks` between."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float, size: float, pad: float = 8) -> float:
        """Pixel of a value; values outside stand at the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return pad + share * (size - 2 * pad)


def axis(values: Iterable[float], within: tuple[float, float] = (0.0, 1.0), ticks: int = 4) -> Axis:
    """An axis around values, inside `within`, with about as many round ticks."""
    values = list(values)
    low, high = (min(values), max(values)) if values else within
    room = max(0.08 * (high - low), 0.01)
    low, high = max(within[0], low - room), min(within[1], high + room)
    if high - low < 0.02:
        low, high = max(within[0], high - 0.02), max(high, within[0] + 0.02)
    step = _step((high - low) / ticks)
    return Axis(low, high, tuple(k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)))


def row_head(on: Axis) -> Markup:
    """The labels above the drawings of rows."""
    w, h = ROW[0], 16
    labels = [_("<text x='{}' y='12' text-anchor='middle'>{}</text>", _n(on.at(t, w)), _percent(t)) for t in on.ticks]
    return _(
        "<svg class='head' width='{}' height='{}' viewBox='0 0 {} {}' aria-hidden='true'>{}</svg>", w, h, w, h, Markup("").join(labels)
    )


def row(on: Axis, s: Summary, runs: Sequence[float], kind: str, reference: float | None, others: Sequence[float], title: str) -> Markup:
    """Mean and interval of a row, each run as a small dot, source-only as a dashed line, published figures as diamonds.

    Args:
        on: the section's axis.
        s: of the row.
        runs: its values.
        kind: "best", "plain" or "source", a class of the style sheet.
        reference: mean of source-only, or None.
        others: published figures.
        title: for readers of the screen and of tooltips.
    """
    w, h = ROW
    y = h / 2
    parts = [_("<line class='grid' x1='{0}' x2='{0}' y1='0' y2='{1}'/>", _n(on.at(t, w)), h) for t in on.ticks]
    if reference is not None:
        parts.append(_("<line class='reference' x1='{0}' x2='{0}' y1='1' y2='{1}'/>", _n(on.at(reference, w)), h - 1))
    if s.interval is not None:
        ends = [(v, _n(on.at(v, w, 2 if v < on.low or v > on.high else 8))) for v in (s.interval.low, s.interval.high)]
        parts.append(_("<line class='interval' x1='{}' x2='{}' y1='{}' y2='{}'/>", ends[0][1], ends[1][1], y, y))
        parts += [
            _("<line class='interval' x1='{0}' x2='{0}' y1='{1}' y2='{2}'/>", x, y - 4, y + 4) for v, x in ends if on.low <= v <= on.high
        ]
    parts += [_("<circle class='run' cx='{}' cy='{}' r='2'/>", _n(on.at(v, w)), y) for v in runs if s.n > 1]
    x = on.at(s.mean, w)
    if kind == "source":
        parts.append(_("<rect class='mean' x='{}' y='{}' width='8' height='8'/>", _n(x - 4), y - 4))
    else:
        parts.append(_("<circle class='mean' cx='{}' cy='{}' r='4.5'/>", _n(x), y))
    parts += [_("<path class='other' d='M{} {}l5 5l-5 5l-5 -5z'/>", _n(on.at(v, w)), y - 5) for v in others]
    return _svg(w, h, f"row {kind}", title, parts)


def curves(lines: Mapping[str, Sequence[float | None]], on: Axis, reference: float | None, title: str) -> Markup:
    """Accuracy by epoch, one line a run (by its name); epochs without a number are left out."""
    w, h, left, bottom, top = 260, 130, 34, 18, 8

    def y(v: float) -> float:
        return top + (h - top - bottom) * (1 - (min(max(v, on.low), on.high) - on.low) / (on.high - on.low))

    most = max((len(v) for v in lines.values()), default=1)
    wide = (w - left - 10) / max(1, most - 1)
    parts = []
    for t in on.ticks:
        parts.append(_("<line class='grid' x1='{}' x2='{}' y1='{}' y2='{}'/>", left, w - 6, _n(y(t)), _n(y(t))))
        parts.append(_("<text x='{}' y='{}' text-anchor='end'>{}</text>", left - 5, _n(y(t) + 3.5), _percent(t)))
    parts.append(_("<text x='{}' y='{}'>1</text><text x='{}' y='{}' text-anchor='end'>epoch {}</text>", left, h - 4, w - 6, h - 4, most))
    if reference is not None:
        parts.append(_("<line class='reference' x1='{}' x2='{}' y1='{}' y2='{}'/>", left, w - 6, _n(y(reference)), _n(y(reference))))
    for k, (name, values) in enumerate(lines.items()):
        points = [(left + i * wide, y(v)) for i, v in enumerate(values) if v is not None]
        path = " ".join(f"{_n(a)},{_n(b)}" for a, b in points)
        parts.append(_("<polyline class='line h{}' points='{}'><title>{}</title></polyline>", k % HUES, path, name))
        if points:
            parts.append(_("<circle class='end h{}' cx='{}' cy='{}' r='2.5'/>", k % HUES, _n(points[-1][0]), _n(points[-1][1])))
    return _svg(w, h, "curves", title, parts)


@dataclass(frozen=True)
class Point:
    """A recipe by its cost: `seconds` above 0, `mean` accuracy, `label`, and `kind` as in `row`."""

    seconds: float
    mean: float
    label: str
    kind: str


def scatter(points: Sequence[Point], title: str) -> Markup:
    """Accuracy against time of training (logarithmic); labelled where nothing is both faster and better."""
    w, h, left, bottom, top, right = 640, 300, 44, 38, 12, 16
    on = axis((p.mean for p in points), ticks=5)
    logs = [math.log10(p.seconds) for p in points]
    low, high = min(logs) - 0.08, max(logs) + 0.08
    if high - low < 0.6:
        low, high = (low + high) / 2 - 0.3, (low + high) / 2 + 0.3

    def x(seconds: float) -> float:
        return left + (math.log10(seconds) - low) / (high - low) * (w - left - right)

    def y(v: float) -> float:
        return top + (h - top - bottom) * (1 - (v - on.low) / (on.high - on.low))

    parts = []
    for t in on.ticks:
        parts.append(_("<line class='grid' x1='{}' x2='{}' y1='{}' y2='{}'/>", left, w - right, _n(y(t)), _n(y(t))))
        parts.append(_("<text x='{}' y='{}' text-anchor='end'>{}</text>", left - 6, _n(y(t) + 4), _percent(t)))
    for seconds in _round_times(10**low, 10**high):
        parts.append(_("<line class='grid' x1='{0}' x2='{0}' y1='{1}' y2='{2}'/>", _n(x(seconds)), top, h - bottom))
        parts.append(_("<text x='{}' y='{}' text-anchor='middle'>{}</text>", _n(x(seconds)), h - bottom + 15, duration(seconds)))
    parts.append(_("<text x='{}' y='{}' text-anchor='middle'>time of training a run</text>", _n((left + w - right) / 2), h - 5))
    order = sorted(points, key=lambda p: (p.seconds, -p.mean, p.label))
    best, labels = -1.0, list[Markup]()
    boxes: list[tuple[float, float, float, float]] = []  # left, top, right, bottom
    for p in order:
        a, b, ahead = x(p.seconds), y(p.mean), p.mean > best
        best = max(best, p.mean)
        mark = "<rect x='{}' y='{}' width='9' height='9'" if p.kind == "source" else "<circle cx='{}' cy='{}' r='5'"
        shift = 4.5 if p.kind == "source" else 0
        said = f"{p.label}: {_percent(p.mean, 1)} % in {duration(p.seconds)}"
        end = "rect" if p.kind == "source" else "circle"
        text = f"{mark} class='point {{}}'><title>{{}}</title></{end}>"
        parts.append(_(text, _n(a - shift), _n(b - shift), p.kind, said))
        if ahead:
            size = 6.6 * len(p.label) + 10
            start = a + 9 if a + 9 + size < w else a - 9 - size
            box = (start, b - 8, start + size, b + 8)
            if all(box[2] < o[0] or o[2] < box[0] or box[3] < o[1] or o[3] < box[1] for o in boxes):
                boxes.append(box)
                labels.append(_("<text class='name' x='{}' y='{}'>{}</text>", _n(start), _n(b + 4), p.label))
    return _svg(w, h, "scatter", title, [*parts, *labels])


def rank_diagram(overall: Overall) -> Markup:
    """Critical-difference diagram: recipes at their mean rank, bars over those that Nemenyi's test does not tell apart."""
    k, critical = len(overall.recipes), overall.critical or 0.0
    half, w, edge = (k + 1) // 2, 760, 200
    bars = 12 * len(overall.groups)
    line, h = 46, 46 + 22 + bars + 20 * half + 6

    def x(rank: float) -> float:
        return edge + (rank - 1) / max(1, k - 1) * (w - 2 * edge)

    step = max(1, math.ceil(k / 12))
    parts = [_("<line class='axis' x1='{}' x2='{}' y1='{}' y2='{}'/>", edge, w - edge, line, line)]
    for rank in range(1, k + 1, step):
        parts.append(_("<line class='axis' x1='{0}' x2='{0}' y1='{1}' y2='{2}'/>", _n(x(rank)), line - 5, line))
        parts.append(_("<text x='{}' y='{}' text-anchor='middle'>{}</text>", _n(x(rank)), line - 9, rank))
    end = min(x(1 + critical), w - 4)
    parts.append(_("<path class='axis' d='M{0} 8v8M{0} 12H{1}M{1} 8v8'/>", edge, _n(end)))
    parts.append(_("<text x='{}' y='16'>critical difference {}</text>", _n(min(end + 8, w - 150)), f"{critical:.2f}"))
    for i, recipe in enumerate(overall.recipes):
        on_left = i < half
        y = line + 22 + bars + 20 * (i if on_left else k - 1 - i)
        side, anchor = (edge - 14, "end") if on_left else (w - edge + 14, "start")
        parts.append(_("<path class='stem' d='M{} {}V{}H{}'/>", _n(x(recipe.rank)), line, y, side))
        text = f"{recipe.label}  {recipe.rank:.2f}" if on_left else f"{recipe.rank:.2f}  {recipe.label}"
        shown = text if len(text) < 30 else text[:28] + "…"
        label = "<text class='name' x='{}' y='{}' text-anchor='{}'>{}<title>{}</title></text>"
        parts.append(_(label, side + (-4 if on_left else 4), y + 4, anchor, shown, text))
    for j, (first, last) in enumerate(overall.groups):
        ends = (_n(x(overall.recipes[i].rank) + d) for i, d in ((first, -4), (last, 4)))
        parts.append(_("<line class='clique' x1='{}' x2='{}' y1='{}' y2='{}'/>", *ends, line + 12 + 12 * j, line + 12 + 12 * j))
    return _svg(w, h, "ranks", "Mean ranks with the critical difference; recipes under one bar are not told apart", parts)


def heat_map(shares: np.ndarray) -> str:
    """Data address of a PNG with one pixel an entry of (K, K) shares in [0, 1]. Written out here: compressors differ between versions."""
    side = len(shares)
    depth = np.round(255 * np.sqrt(np.clip(shares, 0, 1))).astype(np.uint8)
    lines = b"".join(b"\0" + line.tobytes() for line in depth)
    blocks = [lines[i : i + 65535] for i in range(0, len(lines), 65535)]
    stored = b"".join(struct.pack("<BHH", i == len(blocks) - 1, len(block), len(block) ^ 0xFFFF) + block for i, block in enumerate(blocks))
    data = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(lines))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 3, 0, 0, 0)),
        (b"PLTE", bytes(INK) * 256),
        (b"tRNS", bytes(range(256))),
        (b"IDAT", data),
        (b"IEND", b""),
    )
    png = b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks)
    return data_address(png)


def data_address(png: bytes) -> str:
    """A PNG file as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _round_times(low: float, high: float) -> list[float]:
    times = (0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10800, 36000, 86400, 259200)
    return [t for t in times if low <= t <= high]


def _step(raw: float) -> float:
    size = 10.0 ** math.floor(math.log10(raw))
    return next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= raw * 0.999)


def _svg(w: int, h: int, kind: str, title: str, parts: Sequence[Markup]) -> Markup:
    head = "<svg class='{}' width='{}' height='{}' viewBox='0 0 {} {}' role='img'><title>{}</title>{}</svg>"
    return _(head, kind, w, h, w, h, title, Markup("").join(parts))


def _(template: str, *values: object) -> Markup:
    return Markup(template).format(*values)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _percent(value: float, digits: int | None = None) -> str:
    if digits is None:
        digits = 0 if abs(100 * value - round(100 * value)) < 1e-6 else 1
    return f"{100 * value:.{digits}f}"
