"""`dazoo compare`: runs side by side, and which to use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dazoo.cli.options import Json
from dazoo.cli.output import emit
from dazoo.cli.output import emit_json


def command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUNS...", help="Folders of runs, or of results of 'bench run'.", show_default=False)
    ],
    select: Annotated[
        str | None,
        typer.Option(metavar="VALIDATOR", help="The label-free score that decides; the one that chose in the runs unless given."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare runs on the same pictures without target labels, and say which to use and why."""
    from dazoo.bench.comparing import compare

    found = compare(*runs, select=select)
    emit_json(found.to_json()) if as_json else emit(str(found))
