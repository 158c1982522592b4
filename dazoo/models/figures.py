"""Pictures for a model card, as PNG files in memory: reliability, confusion, examples. matplotlib is imported when one is drawn."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from dazoo.models.prediction import Prediction


if TYPE_CHECKING:
    from matplotlib.figure import Figure

RIGHT, WRONG, PLAIN = "#1a7f37", "#c62828", "#555555"
SIDES = {"source": "#3366cc", "target": "#dd7711"}
LABELLED = 30
"""Classes up to which the confusion names them."""


def calibration_png(facts: Mapping[str, Any]) -> bytes:
    """The reliability curve: how often answers are right (up) by their score (across), and below how many pictures have it.

    Args:
        facts: `calibration` of a config.
    """
    figure = _figure(4.2, 4.6)
    curve, counts = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    curve.plot((0, 1), (0, 1), color="#999999", linewidth=1, linestyle="--")
    curve.text(0.04, 0.9, "right more often\nthan it says", fontsize=8, color=PLAIN, va="top")
    curve.text(0.96, 0.06, "surer than it is right", fontsize=8, color=PLAIN, ha="right")
    for offset, side in enumerate(key for key in SIDES if key in facts):
        bins = facts[side]["bins"]
        width = 1 / len(bins)
        there = [(k, *row) for k, row in enumerate(bins) if row[0]]
        label = f"{'held-out source' if side == 'source' else 'target'}: error {100 * facts[side]['ece']:.1f} %"
        curve.plot([mean for _, _, mean, _ in there], [right for *_, right in there], "o-", color=SIDES[side], label=label, markersize=4)
        left = [(k + 0.1 + 0.4 * offset) * width for k, *_ in there]
        counts.bar(left, [n for _, n, *_ in there], 0.4 * width, align="edge", color=SIDES[side])
    curve.set(ylabel="share right", ylim=(0, 1.02), xlim=(0, 1))
    curve.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2, frameon=False)
    counts.set(xlabel="score", ylabel="pictures")
    return _png(figure)


def confusion_png(confusion: np.ndarray, classes: Sequence[str]) -> bytes:
    """Shares of each true class (down) that got each answer (across).

    Args:
        confusion: (K, K) counts, rows are true classes.
        classes: names, K of them.
    """
    k = len(classes)
    side = min(12.0, 2.5 + (0.32 if k <= LABELLED else 0.08) * k)
    figure = _figure(side + 1, side)
    axes = figure.subplots()
    shares = confusion / np.maximum(1, confusion.sum(1, keepdims=True))
    shown = axes.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
    if k <= LABELLED:
        names = [textwrap.shorten(c, 28, placeholder="...") for c in classes]
        axes.set_xticks(range(k), names, rotation=90, fontsize=7)
        axes.set_yticks(range(k), [f"{name} ({n})" for name, n in zip(names, confusion.sum(1), strict=True)], fontsize=7)
        for row, column in zip(*np.nonzero(confusion), strict=True):
            dark = shares[row, column] > 0.6
            axes.text(column, row, str(confusion[row, column]), ha="center", va="center", fontsize=6, color="white" if dark else "black")
    axes.set(xlabel="answer", ylabel="true class (pictures)" if k <= LABELLED else "true class")
    figure.colorbar(shown, ax=axes, label="% of the true class", shrink=0.7)
    return _png(figure)


def examples_png(images: np.ndarray, answers: Sequence[Prediction], truth: Sequence[str] | None = None) -> bytes:
    """Pictures with what the model says; beneath the true class, green or red, where it is known.

    Args:
        images: (N, H, W, C) uint8. answers: one each. truth: class names, one each, or None.
    """
    figure = _figure(2.3 * len(images), 2.9)
    for i, (axes, image, answer) in enumerate(zip(figure.subplots(1, len(images), squeeze=False)[0], images, answers, strict=True)):
        axes.imshow(image if image.shape[-1] == 3 else image[..., 0], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        right = None if truth is None else answer.label == truth[i]
        colour = PLAIN if right is None else RIGHT if right else WRONG
        for spine in axes.spines.values():
            spine.set(color=colour, linewidth=2)
        lines = [textwrap.shorten(f"{answer.label}", 26, placeholder="..."), f"score {100 * answer.score:.0f} %"]
        lines += [] if truth is None or right else [textwrap.shorten(f"truth: {truth[i]}", 30, placeholder="...")]
        axes.set_xlabel("\n".join(lines), color=colour, fontsize=9)
    return _png(figure)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})  # the same bytes whatever version draws it
    return out.getvalue()
