"""`dazoo doctor`: a look at pictures before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dazoo.cli.options import Json
from dazoo.cli.output import emit
from dazoo.cli.output import emit_json


def command(
    source: Annotated[Path, typer.Option(metavar="PLACE", help="Your labelled pictures: one folder per class, a pack or a table.")],
    target: Annotated[Path | None, typer.Option(metavar="PLACE", help="Your other pictures: a folder, a pack or a table.")] = None,
    most: Annotated[int, typer.Option(min=1, help="Pictures of a side that are opened; all are counted.")] = 5000,
    as_json: Json = False,
) -> None:
    """Look at pictures before anything is trained. The exit code is 1 when something would stop training."""
    from dazoo.data.doctor import doctor

    found = doctor(source, target, most=most)
    emit_json(found.to_json()) if as_json else emit(str(found))
    if not found.ok:
        raise typer.Exit(1)
