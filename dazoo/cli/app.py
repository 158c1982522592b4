"""The commands, put together. Importing this imports no torch: a command imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from typing import Any

import typer
from typer.core import TyperGroup

from dazoo.cli import adapt
from dazoo.cli import bench
from dazoo.cli import calibrate
from dazoo.cli import cards
from dazoo.cli import compare
from dazoo.cli import data
from dazoo.cli import doctor
from dazoo.cli import evaluate
from dazoo.cli import export
from dazoo.cli import gan
from dazoo.cli import listing
from dazoo.cli import plugin
from dazoo.cli import plugins
from dazoo.cli import predict
from dazoo.cli import publish
from dazoo.cli import search
from dazoo.cli import show
from dazoo.cli import train
from dazoo.cli import verify
from dazoo.errors import DazooError
from dazoo.registry.folders import FOLDERS
from dazoo.registry.plugins import use_folders
from dazoo.version import __version__


class Stopped(DazooError):
    """Ctrl-C in a command. A KeyboardInterrupt would reach typer, which drops the message that says how to go on."""

    exit_code = 130


class Commands(TyperGroup):
    """The commands; Ctrl-C in one of them keeps what it says."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as exc:
            raise Stopped(str(exc) or "interrupted") from exc


app = typer.Typer(
    name="dazoo",
    cls=Commands,
    help="A zoo for visual domain adaptation: train on labelled pictures, be accurate on different ones without labels.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dazoo {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    plugins_dir: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help=f"Folder whose .py files are plugins, without installing them; repeatable. Variable {FOLDERS} unless given.",
        ),
    ] = None,
) -> None:
    if plugins_dir:
        use_folders(plugins_dir)


app.command("list")(listing.command)
app.command("show")(show.command)
app.command("train")(train.command)
app.command("adapt")(adapt.command)
app.command("calibrate")(calibrate.command)
app.command("card")(cards.command)
app.command("compare")(compare.command)
app.command("doctor")(doctor.command)
app.command("eval")(evaluate.command)
app.command("export")(export.command)
app.command("predict")(predict.command)
app.command("publish")(publish.command)
app.command("search")(search.command)
app.command("verify")(verify.command)
app.add_typer(bench.app, name="bench")
app.add_typer(cards.app, name="cards")
app.add_typer(data.app, name="data")
app.add_typer(gan.app, name="gan")
app.add_typer(plugin.app, name="plugin")
app.add_typer(plugins.app, name="plugins")
