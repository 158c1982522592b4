"""The report as one HTML page that needs nothing else: no network, no file beside it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from jinja2 import Environment
from jinja2 import StrictUndefined
from jinja2 import Template
from markupsafe import Markup

from dazoo.leaderboard import svg
from dazoo.leaderboard.published import Figure
from dazoo.leaderboard.published import by_recipe
from dazoo.leaderboard.rows import Row
from dazoo.leaderboard.runs import Run
from dazoo.leaderboard.table import Board
from dazoo.leaderboard.table import Section
from dazoo.leaderboard.table import Standing
from dazoo.plain import duration


ROWS = 3000
"""Rows on the page, shared out among the scenarios; the CSV has all of them."""

CURVES = 2000
"""Rows whose training curves are drawn."""

ENTRIES = 1_500_000
"""Entries of all confusion matrices that are drawn."""

NUMBERED = 12
"""Classes up to which a confusion matrix is a table of numbers; larger ones are pictures."""

PICTURES = 24 * 2**20
"""Bytes of all sample pictures."""

FAILURES = 500
"""Failed cells that are shown."""

Samples = Callable[[Run], bytes | None]

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, eq=False)
class Line:
    """A row of a table: where it stands, published figures (with the number of their source), its drawing."""

    standing: Standing
    published: tuple[tuple[Figure, int], ...]
    plot: Markup
    find: str

    @property
    def row(self) -> Row:
        """The recipe's runs."""
        return self.standing.row


@dataclass(frozen=True, eq=False)
class Confusion:
    """Mean confusion of a row.

    Attributes:
        line: its line.
        classes: names (K,).
        shares: (K, K), each row's sum 1 (0 for a class without pictures), as lists; empty where the picture stands for them.
        picture: data address, or "".
        worst: (true class, predicted class, share) of the largest mistakes.
    """

    line: Line
    classes: tuple[str, ...]
    shares: list[list[float]]
    picture: str
    worst: tuple[tuple[str, str, float], ...]


@dataclass(eq=False)
class View:
    """A section as it is drawn; lists that limits have cut say by how much."""

    section: Section
    id: str
    lines: list[Line]
    hidden: int
    head: Markup
    sources: list[str]
    scatter: Markup | None
    curves: list[tuple[Line, Markup]] = field(default_factory=list)
    confusions: list[Confusion] = field(default_factory=list)
    samples: list[tuple[Line, int, str]] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """That are shown."""
        return [line.row for line in self.lines]


def page(board: Board, published: Sequence[Figure] = (), samples: Samples = lambda run: None) -> str:
    """The page.

    Args:
        board: the leaderboard.
        published: figures to stand beside ours.
        samples: gives the PNG file that a GAN drew, or None; asked for the runs that are shown and have one. What is no PNG is left out.
    """
    figures = by_recipe(published)
    left = {"curves": CURVES, "entries": ENTRIES, "pictures": PICTURES}
    most = max(20, ROWS // max(1, len(board.sections)))
    views = [_view(section, f"s{k}", figures, most) for k, section in enumerate(board.sections)]
    for view in views:
        _add_curves(view, left)
        _add_confusions(view, left)
        _add_samples(view, samples, left)
    return _template().render(
        board=board,
        views=views,
        failures=board.failures[:FAILURES],
        rows=sum(len(s.standings) for s in board.sections),
        duration=duration,
        rank_diagram=svg.rank_diagram,
    )


def _view(section: Section, anchor: str, figures: Mapping[str, Sequence[Figure]], most: int) -> View:
    shown = section.standings[:most]
    told = {f.source: None for s in shown for f in figures.get(s.row.name, ())}
    sources = {source: k for k, source in enumerate(told, 1)}
    every = [v for s in shown for v in s.row.values.values()]
    every += [f.value for s in shown for f in figures.get(s.row.name, ())]
    on = svg.axis(every)
    lines = [_line(s, on, figures.get(s.row.name, ()), sources) for s in shown]
    timed = [s for s in shown if (s.row.cost.seconds or 0) > 0]
    points = [svg.Point(s.row.cost.seconds or 0, s.row.last.mean, _short(s.row), _kind(s)) for s in timed]
    scatter = svg.scatter(points, f"Accuracy against time of training on {section.title}") if len(points) > 1 else None
    return View(section, anchor, lines, len(section.standings) - len(shown), svg.row_head(on), list(sources), scatter)


def _line(s: Standing, on: svg.Axis, figures: Sequence[Figure], sources: Mapping[str, int]) -> Line:
    row = s.row
    reference = s.partner.last.mean if s.partner else None
    title = f"{row.name}: {row.last}; runs {', '.join(f'{100 * v:.1f}' for v in row.values.values())}"
    plot = svg.row(on, row.last, list(row.values.values()), _kind(s), reference, [f.value for f in figures], title)
    find = " ".join((row.name, row.settings, *row.recipe.parts().values())).lower()
    return Line(s, tuple((f, sources[f.source]) for f in figures), plot, find)


def _add_curves(view: View, left: dict[str, int]) -> None:
    runs = {line: {f"seed {run.seed}": run.accuracies for run in line.row.runs} for line in view.lines}
    drawn = [line for line in view.lines if any(v is not None for values in runs[line].values() for v in values)][: left["curves"]]
    left["curves"] -= len(drawn)
    view.left_out["curves"] = len(view.lines) - len(drawn)
    on = svg.axis((v for line in drawn for values in runs[line].values() for v in values if v is not None), ticks=4)
    for line in drawn:
        partner = line.standing.partner
        title = f"Target accuracy of {line.row.name} by epoch, one line a seed"
        view.curves.append((line, svg.curves(runs[line], on, partner.last.mean if partner else None, title)))


def _add_confusions(view: View, left: dict[str, int]) -> None:
    cut = 0
    for line in view.lines:
        found = confusion_of(line.row)
        if found is None:
            continue
        classes, shares = found
        if shares.size > left["entries"]:
            cut += 1
            continue
        left["entries"] -= shares.size
        small = len(classes) <= NUMBERED
        numbers = shares.round(4).tolist() if small else []
        view.confusions.append(Confusion(line, classes, numbers, "" if small else svg.heat_map(shares), _worst(classes, shares)))
    view.left_out["confusions"] = cut


def _add_samples(view: View, samples: Samples, left: dict[str, int]) -> None:
    cut = 0
    for line in view.lines:
        for run in line.row.runs:
            png = samples(run) if any(name.endswith("samples.png") for name in run.files) else None
            if png is None or not png.startswith(_PNG):
                continue
            if len(png) > left["pictures"]:
                cut += 1
                continue
            left["pictures"] -= len(png)
            view.samples.append((line, run.seed, svg.data_address(png)))
    view.left_out["samples"] = cut


def confusion_of(row: Row) -> tuple[tuple[str, ...], np.ndarray] | None:
    """Classes and the mean confusion (K, K) over a row's runs, as shares of each true class; None without, or where classes differ."""
    found = row.confusion(row.seeds)
    if found is None:
        return None
    classes, counts = found
    return classes, counts / np.maximum(counts.sum(1, keepdims=True), 1)


def _worst(classes: Sequence[str], shares: np.ndarray, most: int = 5) -> tuple[tuple[str, str, float], ...]:
    wrong = shares * (1 - np.eye(len(shares)))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [(int(k) // len(shares), int(k) % len(shares)) for k in order]
    return tuple((classes[i], classes[j], float(wrong[i, j])) for i, j in pairs if wrong[i, j] > 0)


def _kind(s: Standing) -> str:
    return "source" if not s.row.adapts else "best" if s.best else "plain"


def _short(row: Row) -> str:
    return f"{row.base} {row.settings}".strip()


@cache
def _template() -> Template:
    text = resources.files("dazoo.leaderboard").joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters |= {"percent": _percent, "points": _points, "half": _half, "gib": _gib, "key": _key, "plural": _plural}
    return environment.from_string(text)


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "\N{MINUS SIGN}")


def _half(summary: Any) -> str:
    return f"± {100 * summary.interval.half:.1f}" if summary.interval else ""


def _gib(value: int) -> str:
    return f"{value / 2**30:.1f} GiB" if value >= 0.95 * 2**30 else f"{value / 2**20:.0f} MiB"


def _key(value: float | None) -> str:
    """What a column sorts by; missing values come last."""
    return "" if value is None else f"{value:.6g}"


def _plural(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"
