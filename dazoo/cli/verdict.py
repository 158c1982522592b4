"""The verdict on a model, for reading."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from dazoo.cli.output import emit
from dazoo.cli.output import emit_columns
from dazoo.cli.output import title


def emit_verdict(results: Mapping[str, Any], classes: Sequence[str]) -> None:
    """What was found without target labels, the figures beside those of source-only, and what to try next."""
    from dazoo.models.judged import judged

    found = judged(results, classes)
    if found["verdict"] is None:
        return
    title("Does it work?")
    emit_columns([(finding.state, finding.sentence) for finding in found["verdict"].findings], indent=2)
    if found["looks"]:
        rows = [(row["what"], row["mine"], row["other"]) for row in found["looks"]]
        emit_columns([("", "this model", found["beside"]), *rows], indent=2)
    for step in found["verdict"].next:
        emit(f"  next: {step}")
