"""What was seen of a run, epoch by epoch, as a table (history.csv) and as a picture (curves.png)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from dazoo.engine.loggers import Seen
from dazoo.engine.observe import HELD_OUT
from dazoo.plain import write_whole
from dazoo.streams import tell


if TYPE_CHECKING:
    from matplotlib.axes import Axes


TABLE, PICTURE = "history.csv", "curves.png"
TWIN = "source_only"
INK, GREY, MARK = "#1f5fa8", "#9a9a9a", "#c4441c"
WIDE = 50.0
"""Ratio of the largest loss to the smallest from which losses are drawn on a logarithmic axis."""


def keep(folder: Path, title: str, stages: Mapping[str, Seen]) -> Path | None:
    """Write both files, and give the picture's path; None where it could not be drawn, which is said and stops nothing.

    Raises:
        OSError: the table cannot be written.
    """
    write_whole(folder / TABLE, table(stages))
    try:
        draw(folder / PICTURE, title, stages)
    except ImportError as exc:
        tell(f"{PICTURE} is not drawn, because matplotlib is missing ({exc}); pip install matplotlib.")
    except Exception as exc:
        tell(f"{PICTURE} is not drawn: {type(exc).__name__}: {exc}")
    else:
        return folder / PICTURE
    return None


def table(stages: Mapping[str, Seen]) -> str:
    """CSV with a row per epoch: stage, epoch, whether it is the chosen one (1 or 0), losses ("loss.task") and scores ("score.entropy")."""
    rows = [row for name, seen in stages.items() for row in _rows(name, seen)]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    order = ["stage", "epoch", "chosen", *sorted(c for c in columns if "." in c)]
    text = io.StringIO()
    writer = csv.DictWriter(text, order, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _rows(name: str, seen: Seen) -> Iterator[dict[str, Any]]:
    for i, (scores, terms) in enumerate(zip(seen.scores, seen.terms, strict=True), 1):
        numbers = {f"loss.{k}": v for k, v in terms.items()} | {f"score.{k}": v for k, v in scores.items()}
        yield {"stage": name, "epoch": i, "chosen": int(i == seen.chosen), **numbers}


def draw(file: Path, title: str, stages: Mapping[str, Seen]) -> None:
    """Losses, the score that chooses, held-out source accuracy and the other scores, over the epochs; the chosen epoch is marked.

    The picture is drawn without pyplot, which belongs to the main thread and to a person's own figures.

    Raises:
        ImportError: matplotlib is not there.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    own = [(name, seen) for name, seen in stages.items() if name != TWIN]
    names = _panels(own)
    rows = (len(names) + 1) // 2
    figure = Figure(figsize=(10, 0.9 + 2.4 * rows), layout="constrained", facecolor="white")
    canvas = FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    axes = [figure.add_subplot(rows, 2, i + 1) for i in range(len(names))]
    for ax, name in zip(axes, names, strict=True):
        _axis(ax, name, own[-1][1])
        _losses(ax, own) if name is None else _score(ax, name, own, stages.get(TWIN))
        _mark(ax, own, name)
    for ax in axes[1:2]:  # what dashes mean is said once
        ax.legend(fontsize=8, frameon=False, loc="best") if stages.get(TWIN) is not None else None
    draft = file.with_name(f".{file.name}")
    try:
        canvas.print_figure(draft, format="png", dpi=110)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _panels(own: list[tuple[str, Seen]]) -> list[str | None]:
    """What is drawn: the losses (None), the score that chooses, the accuracy, the others by name."""
    found = {score for _, seen in own for scores in seen.scores for score in scores}
    first = [name for name in (own[-1][1].chooses, HELD_OUT) if name in found]
    return [None, *dict.fromkeys(first), *sorted(found - set(first))]


def _axis(ax: Axes, name: str | None, last: Seen) -> None:
    from matplotlib.ticker import MaxNLocator

    words = {None: "losses, last step of each epoch", HELD_OUT: "right on held-out source pictures, %"}
    text = words.get(name, str(name).replace("_", " "))
    chose = f", which chose epoch {last.chosen}" if name and name == last.chooses else ""
    ax.set_title(text + chose, loc="left", fontsize=9)
    ax.set_xlabel("epoch", fontsize=8, loc="right", labelpad=1)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.tick_params(labelsize=8, length=2)
    ax.grid(axis="y", color="#e6e6e6", linewidth=0.7)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _losses(ax: Axes, own: list[tuple[str, Seen]]) -> None:
    names = dict.fromkeys(term for _, seen in own for terms in seen.terms for term in terms)
    values = [v for _, seen in own for terms in seen.terms for v in terms.values() if math.isfinite(v)]
    for name in names:
        x, y = _line(own, lambda seen, i, name=name: seen.terms[i].get(name))
        ax.plot(x, y, marker=".", markersize=4, linewidth=1.4, label=name)
    if values and min(values) > 0 and max(values) / min(values) > WIDE:
        ax.set_yscale("log")
    if names:
        ax.legend(fontsize=8, frameon=False, ncols=2, loc="upper right", bbox_to_anchor=(1, 1.15))


def _score(ax: Axes, name: str, own: list[tuple[str, Seen]], twin: Seen | None) -> None:
    scale = 100 if name == HELD_OUT else 1
    if twin is not None:
        x, y = _line([(TWIN, twin)], lambda seen, i: seen.scores[i].get(name))
        ax.plot(x, [scale * v for v in y], color=GREY, linestyle="--", linewidth=1.2, label="source only, to compare")
    x, y = _line(own, lambda seen, i: seen.scores[i].get(name))
    ax.plot(x, [scale * v for v in y], color=INK, marker=".", markersize=4, linewidth=1.6)
    if name == HELD_OUT:
        ax.set_ylim(0, 102)


def _line(stages: list[tuple[str, Seen]], value: Any) -> tuple[list[float], list[float]]:
    """Epochs, counted on through the stages, and finite values; what is not finite is a gap, and so is the step to another stage."""
    x: list[float] = []
    y: list[float] = []
    before = 0
    for _, seen in stages:
        if before:
            x.append(before + 0.5)
            y.append(math.nan)
        for i in range(len(seen.scores)):
            found = value(seen, i)
            x.append(before + i + 1)
            y.append(found if found is not None and math.isfinite(found) else math.nan)
        before += len(seen.scores)
    return x, y


def _mark(ax: Axes, own: list[tuple[str, Seen]], name: str | None) -> None:
    """The chosen epoch of the last stage, and where a stage follows another."""
    before = sum(len(seen.scores) for _, seen in own[:-1])
    last = own[-1][1]
    low, high = 1, max(2, before + len(last.scores))
    ax.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    if before:
        ax.axvspan(before + 0.5, high + 1, color="#f4efe6", zorder=0)
        if name is None:
            ax.text(before + 0.55, 0.92, "adaptation", transform=ax.get_xaxis_transform(), fontsize=8, color="#8a7a55")
    if not last.chooses or not last.chosen:
        return
    ax.axvline(before + last.chosen, color=MARK, linestyle=":", linewidth=1.2, zorder=1)
    if name == last.chooses:
        score = last.scores[last.chosen - 1].get(name, math.nan)
        if math.isfinite(score):
            ax.plot([before + last.chosen], [score], marker="o", markersize=6, color=MARK, zorder=5)
