"""`dazoo adapt`: a trained model made better on pictures without labels, without the source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dazoo.cli.options import Device
from dazoo.cli.options import Json
from dazoo.cli.options import Log
from dazoo.cli.options import LogSet
from dazoo.cli.options import ModelRef
from dazoo.cli.options import Quiet
from dazoo.cli.options import Seed
from dazoo.cli.options import Set
from dazoo.cli.options import parse_loggers
from dazoo.cli.options import parse_settings
from dazoo.cli.output import emit
from dazoo.cli.output import emit_json
from dazoo.cli.train import mention_files
from dazoo.cli.verdict import emit_verdict
from dazoo.errors import DataError


def command(
    model: ModelRef,
    method: Annotated[str, typer.Option("--method", "-m", help="A method that adapts trained models.", show_default=False)],
    target: Annotated[
        Path, typer.Option(metavar="PATH", help="Pictures without labels: a folder, at any depth, or a table.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output folder for the adapted model.", show_default=False)],
    seed: Seed = 0,
    device: Device = "auto",
    settings: Set = None,
    log: Log = None,
    log_set: LogSet = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Adapt a trained model to pictures without labels."""
    wanted = parse_settings(settings or ())
    from dazoo.data import expanded

    target = expanded(target)
    if not target.exists():
        raise DataError(f"--target {target} does not exist; name a folder of pictures, or a table of them.")
    from dazoo.runs.adapting import adapt

    loggers = parse_loggers(log or (), log_set or ())
    adapted = adapt(model, target, method=method, out=out, seed=seed, device=device, settings=wanted, quiet=quiet, loggers=loggers)
    if as_json:
        emit_json({"name": adapted.name, "model": out, "recipe": adapted.recipe, "results": adapted.config.get("results", {})})
        return
    emit(f"{adapted.name}  model: {out}")
    emit_verdict(adapted.config["results"], adapted.classes)
    mention_files(adapted.config)
