"""The report's files: Markdown, CSV and HTML. The same records, in any order, make the same bytes."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from dazoo.bench.record import Record
from dazoo.errors import DataError
from dazoo.leaderboard.page import Samples
from dazoo.leaderboard.page import page
from dazoo.leaderboard.published import Figure
from dazoo.leaderboard.published import by_recipe
from dazoo.leaderboard.ranking import Overall
from dazoo.leaderboard.table import Board
from dazoo.leaderboard.table import Section
from dazoo.leaderboard.table import Standing
from dazoo.leaderboard.table import leaderboard
from dazoo.metrics.choosing import Comparison
from dazoo.metrics.intervals import Summary
from dazoo.plain import duration
from dazoo.plain import write_whole


FAILURES = 200
"""Failed cells that the Markdown lists."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a formula in a spreadsheet."""

COLUMNS = (
    *("scenario", "protocol", "recipe", "settings", "key", "backbone", "gan", "method", "adapts", "rank", "tied", "not_told_from_best"),
    *("n", "seeds", "runs", "last", "last_low", "last_high", "gain", "gain_low", "gain_high", "gain_n", "source_only_key"),
    *("validator", "chosen", "chosen_low", "chosen_high", "oracle", "oracle_low", "oracle_high", "target_pictures"),
    *("seconds", "images_per_second", "memory_bytes", "batch_cut", "published", "published_source"),
)
"""Of leaderboard.csv; accuracies are shares, empty is not measured."""


def write_report(
    records: Iterable[Record], folder: str | os.PathLike[str], published: Sequence[Figure] = (), samples: Samples = lambda run: None
) -> tuple[Path, ...]:
    """Write leaderboard.md, leaderboard.csv and report.html, each made whole by one rename.

    Args:
        records: of cells, in any order; drawn one at a time.
        folder: where to; made if it is missing.
        published: figures of others to stand beside ours.
        samples: gives a run's PNG file for the page, or None.

    Returns:
        The files.

    Raises:
        DataError: the folder cannot be written.
    """
    board, folder = leaderboard(records), Path(folder)
    published = sorted(published, key=lambda f: (f.recipe, f.source, f.value))
    texts = {
        "leaderboard.md": markdown(board, published),
        "leaderboard.csv": as_csv(board, published),
        "report.html": page(board, published, samples),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_whole(folder / name, text)
    except OSError as exc:
        raise DataError(f"The report cannot be written to {folder}: {exc}. Name a folder that can be written.") from exc
    return tuple(folder / name for name in texts)


def markdown(board: Board, published: Sequence[Figure] = ()) -> str:
    """The leaderboard as GitHub shows it."""
    figures = by_recipe(published)
    lines = [
        "# Leaderboard",
        "",
        "Accuracy on the target in per cent after the last epoch, mean over seeds ± half the 95 % t interval (n runs; one has none, nor",
        "a rank). Rows that are not told apart from the best of their group share its rank (=). Against source-only: paired by seed. The",
        "oracle is the best epoch by target labels: an upper bound, never a result.",
    ]
    for overall in board.overall:
        lines += _overall(overall)
    for section in board.sections:
        lines += _section(section, figures)
    for comparison in board.unlabelled:
        lines += _unlabelled(comparison)
    if board.failures:
        lines += ["", f"## Failed cells ({len(board.failures)})", "", *_table(("recipe", "seed", "error"), [])]
        lines += [_line((f.name, f.seed, f"{f.kind}: {f.message}".strip(": "))) for f in board.failures[:FAILURES]]
        lines += ["", f"and {len(board.failures) - FAILURES} more."] if len(board.failures) > FAILURES else []
    lines += ["", "## Machines", "", *(f"- {_text(m.text)}: {m.cells} cell{'s' * (m.cells > 1)}" for m in board.machines)]
    return "\n".join(lines) + "\n"


def as_csv(board: Board, published: Sequence[Figure] = ()) -> str:
    """One line a row of every scenario, `COLUMNS` first."""
    figures = by_recipe(published)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for section in board.sections:
        writer.writerows(map(_no_formula, _values(s, figures.get(s.row.name, ()))) for s in section.standings)
    return out.getvalue()


def rank_text(s: Standing) -> str:
    """ "1", "1=" where it is shared, "-" for a single run."""
    return "-" if s.rank is None else f"{s.rank}{'=' if s.tied else ''}"


def _section(section: Section, figures: Mapping[str, Sequence[Figure]]) -> list[str]:
    head: tuple[str, ...] = ("rank", "recipe", "last epoch", "against source-only", "chosen", "oracle", "time", "images/s")
    told = sorted({f.source for s in section.standings for f in figures.get(s.row.name, ())})
    rows = []
    for s in section.standings:
        row, cost = s.row, s.row.cost
        others = [f"{100 * f.value:.1f} ({1 + told.index(f.source)})" for f in figures.get(row.name, ())]
        rows.append(
            (
                rank_text(s),
                row.name + (f" ({row.settings})" if row.differs else ""),
                str(row.last),
                _gain(s.gain),
                _short(row.chosen),
                _short(row.oracle),
                *((", ".join(others) or "-",) if told else ()),
                "-" if cost.seconds is None else duration(cost.seconds),
                "-" if cost.images_per_second is None else f"{cost.images_per_second:.0f}",
            )
        )
    if told:
        head = (*head[:6], "published", *head[6:])
    notes = ["", *(f"({k}) {_text(source)}" for k, source in enumerate(told, 1))] if told else []
    return ["", f"## {_text(section.title)}", "", *_table(head, rows), *notes]


def _unlabelled(found: Comparison) -> list[str]:
    """A table of label-free scores; nothing was counted, so nothing is ranked by accuracy."""
    names = found.validators
    rows = [
        ("use" if row["recommended"] else "", row["name"], row["verdict"], *(_score(row["scores"].get(name)) for name in names))
        for row in found.rows()
    ]
    note = "The target has no labels: higher scores are better, and none of them is an accuracy."
    return ["", "## Own pictures without labels", "", note, "", *_table(("", "cell", "verdict", *names), rows), "", found.reason]


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _overall(o: Overall) -> list[str]:
    lines = ["", f"## Over {', '.join(map(_text, o.scenarios))}", ""]
    if o.why_not:
        return [*lines, o.why_not]
    p = "p < 0.001" if o.p is not None and o.p < 0.001 else f"p = {o.p:.3f}"
    lines.append(f"Friedman: chi2 = {o.statistic:.2f}, {p}. Mean ranks further apart than {o.critical:.2f} differ at 5 % (Nemenyi).")
    if o.left_out:
        lines.append(f"Left out, because too few of these recipes were run there: {', '.join(map(_text, o.left_out))}.")
    rows = [(r.label, f"{r.rank:.2f}", *(f"{100 * m:.1f}" for m in r.means)) for r in o.recipes]
    return [*lines, "", *_table(("recipe", "mean rank", *o.scenarios), rows)]


def _values(s: Standing, figures: Sequence[Figure]) -> list[object]:
    row, recipe = s.row, s.row.recipe
    return [
        *(row.scenario, row.protocol, row.name, row.settings, row.key, recipe.backbone, recipe.gan, recipe.method, int(row.adapts)),
        *(s.rank, int(s.tied), int(s.best), row.last.n),
        *(" ".join(map(str, row.seeds)), " ".join(str(_round(v)) for v in row.values.values()), *_bounds(row.last)),
        *(*_bounds(s.gain), s.gain.n if s.gain else None, s.partner.key if s.partner else None),
        *("/".join(row.validators), *_bounds(row.chosen), *_bounds(row.oracle), "/".join(map(str, row.pictures))),
        *(_round(row.cost.seconds), _round(row.cost.images_per_second), row.cost.memory, row.cut),
        *("; ".join(str(_round(f.value)) for f in figures), "; ".join(f.source for f in figures)),
    ]


def _no_formula(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _bounds(s: Summary | None) -> tuple[float | None, ...]:
    if s is None:
        return None, None, None
    return _round(s.mean), _round(s.interval.low) if s.interval else None, _round(s.interval.high) if s.interval else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _gain(s: Summary | None) -> str:
    if s is None:
        return "-"
    return f"{100 * s.mean:+.1f}" + (f" ± {100 * s.interval.half:.1f}" if s.interval else "") + f" (n={s.n})"


def _short(s: Summary | None) -> str:
    return "-" if s is None else str(s).rpartition(" (")[0]


def _table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> list[str]:
    return [_line(head), "|" + "---|" * len(head), *map(_line, rows)]


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(_text(c) for c in cells)} |"


def _text(value: object) -> str:
    """One line of text that Markdown takes for nothing else; long text is cut."""
    text = " ".join(str(value).split())
    text = text if len(text) <= 300 else text[:299] + "…"
    for mark in "\\`*[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("&", "&amp;")
