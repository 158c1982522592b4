"""`dazoo verify`: whether a saved model gives what it gave when it was saved."""

from __future__ import annotations

from typing import Annotated

import typer

from dazoo.cli.options import Json
from dazoo.cli.options import ModelRef
from dazoo.cli.output import emit
from dazoo.cli.output import emit_json


def command(
    model: ModelRef,
    tolerance: Annotated[
        float | None, typer.Option(min=0, help="Largest difference; 0.001 of the largest logit, or 0.02 of a drawn picture unless given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare a saved model with the golden tensors that lie beside it; exit code 1 if it gives others."""
    from dazoo.models.verify import verify

    found = verify(model, tolerance=tolerance)
    if as_json:
        emit_json(vars(found))
        return
    emit(f"{found.name} gives what it gave when it was saved (largest difference {found.difference:.2g}).")
    for dist, (then, now) in found.changed.items():
        emit(f"  {dist} {then} then, {now or 'not installed'} now")
