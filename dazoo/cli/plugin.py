"""`dazoo plugin new`: a distribution to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dazoo.cli.options import Json
from dazoo.cli.output import emit
from dazoo.cli.output import emit_json
from dazoo.templates import SUMMARIES
from dazoo.templates import new_plugin


app = typer.Typer(help="Write plugins of your own.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="What it brings is called so: my_net.", show_default=False)],
    kind: Annotated[
        list[str] | None, typer.Option("--kind", metavar="KIND", help=f"One of {', '.join(SUMMARIES)}; repeatable.", show_default=False)
    ] = None,
    into: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Folder to write its folder into.")] = Path(),
    model: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For an entry: a saved model, or the folder of a run.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a distribution with working code, tests, a README and a CI file; nothing is overwritten."""
    kinds = [part for one in kind or () for part in one.split(",")]
    folder, names = new_plugin(name, kinds, into, model=model)
    if as_json:
        emit_json({"folder": folder, "brings": [{"kind": one.kind, "name": one.name} for one in names]})
        return
    emit(f"{folder} brings {', '.join(f'the {one.kind} {one.name}' for one in names)}.")
    emit(f"  try it:     dazoo --plugins-dir {folder} list")
    emit(f'  install it: pip install -e "{folder}[test]"')
    emit(f"  test it:    pytest {folder}")
