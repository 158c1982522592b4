"""The four numbers as a config or a run records them, for reading and for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dazoo.cli.output import emit
from dazoo.cli.output import emit_columns
from dazoo.plain import per_cent


_MEANING = {
    "source_only": "trained on the source alone",
    "last": "the last epoch{last}",
    "chosen": "the epoch that {validator} chose, without target labels{chosen}",
    "oracle": "the best epoch by target labels: an upper bound, never a result",
}


def four(results: Mapping[str, Any]) -> dict[str, Any]:
    """{column: {"mean", perhaps "low", "high", "n"}} of one run's flat record, or of several runs' structured one."""
    if isinstance(results.get("numbers"), Mapping):
        return {c: dict(results["numbers"][c]) for c in _MEANING if c in results["numbers"]}
    return {c: {"mean": results[c], "n": 1} for c in _MEANING if isinstance(results.get(c), int | float)}


def emit_four(results: Mapping[str, Any]) -> None:
    """The four numbers in a table of words."""
    numbers = four(results)
    if not numbers:
        return
    rows = []
    for column, row in numbers.items():
        interval = f"[{100 * row['low']:.1f}, {100 * row['high']:.1f}]" if {"low", "high"} <= set(row) else ""
        saved = {results.get("weights", "last"): ": what is saved"}
        about = {name: saved.get(name, "") for name in ("last", "chosen")}
        meaning = _MEANING[column].format(validator=results.get("validator", "the validator"), **about)
        rows.append((column.replace("_", "-"), per_cent(row["mean"]), interval, meaning))
    intervals = any(interval for _, _, interval, _ in rows)
    emit_columns(rows if intervals else [(name, value, meaning) for name, value, _, meaning in rows], indent=2)
    runs, pictures = max(row.get("n", 1) for row in numbers.values()), results.get("n_target")
    emit(f"  on {pictures} labelled target pictures, {runs} run{'s' if runs > 1 else ''}")
