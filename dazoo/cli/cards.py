"""`dazoo card` and `dazoo cards`: what is said of a trained model, and whether copies of it are true."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dazoo.cli.options import ModelRef
from dazoo.cli.output import emit
from dazoo.cli.output import say
from dazoo.errors import SettingsError


app = typer.Typer(help="Folders of model cards.", no_args_is_help=True)


def command(model: ModelRef) -> None:
    """Print the card of a trained model."""
    from dazoo.models.cards import card

    emit(card(model).rstrip("\n"))


@app.callback()
def _cards() -> None:
    pass


@app.command("check")
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with NAME.md for each installed entry.")] = Path("model_cards"),
    write: Annotated[bool, typer.Option("--write", help="Write the cards that differ.")] = False,
) -> None:
    """See that a folder of cards is true to the installed entries; 1 is given where it is not."""
    if not folder.is_dir():
        raise SettingsError(f"{folder} is no folder; name the one that holds the cards.")
    from dazoo.models.cards import check_cards

    found = check_cards(folder, write=write)
    for name, problems in found.items():
        for problem in problems:
            emit(f"{folder / name}: {problem}")
    left = check_cards(folder) if write else found
    say(f"{len(found) - len(left)} card(s) written." if write else f"{len(found)} card(s) differ." if found else "all cards are true.")
    if left:
        raise typer.Exit(1)
