"""What a card says of the verdict: the warning, the findings, and the label-free figures beside those of the source-only twin."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from dazoo.metrics.seen import Seen
from dazoo.metrics.verdict import Verdict
from dazoo.metrics.verdict import guessing


JUDGED = ("weights", "verdict", "seen", "seen_source_only")
"""What the results of a config hold of it."""


def judged(results: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """Fields of the card's template: `warnings`, `verdict`, `looks` (rows) and `beside` (a heading)."""
    try:
        verdict = Verdict.from_json(results["verdict"])
    except (KeyError, ValueError, AttributeError):
        return {"warnings": [], "verdict": None, "looks": [], "beside": ""}
    mine, other = seen_of(results, "seen"), seen_of(results, "seen_source_only")
    return {
        "warnings": [str(verdict)] if verdict.doubtful else [],
        "verdict": verdict,
        "looks": rows(mine, other, classes) if mine is not None else [],
        "beside": "source-only" if other is not None else "-",
    }


def seen_of(results: Mapping[str, Any], key: str) -> Seen | None:
    """What was seen of a network, or None where that is not on record."""
    try:
        return Seen.from_json(results[key])
    except (KeyError, ValueError, AttributeError):
        return None


def rows(mine: Seen, other: Seen | None, classes: Sequence[str]) -> list[dict[str, str]]:
    """Figures of a network beside those of its twin: `what`, `mine`, `other`."""
    table = []
    if mine.source_accuracy is not None:
        what = f"held-out source accuracy, % (guessing: {100 * guessing(mine):.1f})"
        accuracies = (seen.source_accuracy if seen is not None else None for seen in (mine, other))
        table.append((what, *("-" if a is None else f"{100 * a:.1f}" for a in accuracies)))
    table.append(
        ("commonest answer on the target", *(f"{classes[s.commonest]}, {100 * s.share:.1f} %" if s else "-" for s in (mine, other)))
    )
    scores = {} if other is None else other.scores
    table += [(f"score {name}", f"{value:.4f}", f"{scores[name]:.4f}" if name in scores else "-") for name, value in mine.scores.items()]
    return [dict(zip(("what", "mine", "other"), row, strict=True)) for row in table]
