"""`dazoo train`: a recipe on a scenario, or on a person's own pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from typing import Any

import typer

from dazoo.cli.config import config_of
from dazoo.cli.config import merged
from dazoo.cli.config import use
from dazoo.cli.numbers import emit_four
from dazoo.cli.options import Data
from dazoo.cli.options import Device
from dazoo.cli.options import Download
from dazoo.cli.options import Json
from dazoo.cli.options import Log
from dazoo.cli.options import LogSet
from dazoo.cli.options import Quiet
from dazoo.cli.options import Seed
from dazoo.cli.options import Set
from dazoo.cli.options import parse_loggers
from dazoo.cli.options import parse_settings
from dazoo.cli.output import emit
from dazoo.cli.output import emit_json
from dazoo.cli.output import say
from dazoo.cli.output import title
from dazoo.cli.verdict import emit_verdict
from dazoo.models.provenance import explained
from dazoo.plain import read_bounded
from dazoo.registry.names import parse
from dazoo.registry.plugins import zoo
from dazoo.runs.starting import without_backbone


def command(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A recipe; a method or GAN alone for your own pictures.", show_default=False)],
    source: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Your labelled pictures: one folder per class, or a table of path and label.")
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Your other pictures: a folder or a table; labels only measure accuracy."),
    ] = None,
    target_labels: Annotated[
        bool | None,
        typer.Option("--target-labels/--no-target-labels", help="Whether folders in --target are classes; seen from their names."),
    ] = None,
    data: Data = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Output folder; runs/NAME-seedN unless given.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    settings: Set = None,
    source_only: Annotated[bool, typer.Option("--source-only/--no-source-only", help="Also train without adaptation, to compare.")] = True,
    select: Annotated[
        str, typer.Option(metavar="VALIDATOR", help="Weights to keep as the model: the last, or those that this label-free score chose.")
    ] = "last",
    download: Download = False,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            is_eager=True,
            callback=use,
            help="Arguments from a TOML file, or the run.json of a run to repeat.",
        ),
    ] = None,
    log: Log = None,
    log_set: LogSet = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train a recipe. Rerun the command to resume an interrupted run; on a CPU the final weights are identical, bit for bit."""
    given = config_of(ctx)
    wanted, loggers = merged(given, parse_settings(settings or ())), {**given.loggers}
    for logger, its in parse_loggers(log or (), log_set or ()).items():
        loggers[logger] = {**loggers.get(logger, {}), **its}
    if without_backbone(name, zoo()) is None:
        with explained({"plugins": recorded(out or default_folder(name, seed))}, "The run was begun"):
            recipe = parse(name, zoo())  # a wrong name is told before torch is imported, which takes seconds
        given.check_pictures(recipe.scenario is not None, source)
    from dazoo.runs.training import train

    folder = out or default_folder(name, seed)
    trained = train(
        name, source=source, target=target, target_labelled=target_labels, data=data, out=folder, seed=seed, device=device,
        settings=wanted, source_only=source_only, select=select, download=download, quiet=quiet, loggers=loggers,
        **({"callbacks": [given]} if given.record else {}),
    )  # fmt: skip
    if not trained.first:
        return
    results = trained.model.config.get("results", {})
    if as_json:
        emit_json({"name": trained.model.name, "seed": seed, "folder": folder, "model": trained.folder, "results": results})
        return
    report(trained.model.name, results, trained.folder)
    emit_verdict(results, trained.model.classes)
    mention_files(trained.model.config)


def default_folder(name: str, seed: int) -> Path:
    """Where a run goes; qualified names lose the colons that some file systems refuse."""
    return Path("runs") / f"{name.replace(':', '.').replace('/', '_')}-seed{seed}"


def recorded(folder: Path) -> dict[str, str]:
    """The versions that a run was begun with, by distribution; none where it is not there or cannot be read."""
    try:
        found = json.loads(read_bounded(folder / "run.json", 2**24))["plugins"]
        return {str(dist): str(version) for dist, version in found.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def mention_files(config: Mapping[str, Any]) -> None:
    """Say which plugin files a model needs that no package brings."""
    from dazoo.models.provenance import single_files

    if names := single_files(config):
        what = " and ".join(names)
        say(f"the model needs the plugin file {what}: give it along, and start dazoo with --plugins-dir and its folder to use the model.")


def report(name: str, results: dict[str, Any], folder: Path | None) -> None:
    """The numbers and where the model is."""
    title(f"{name}  target accuracy")
    if "last" in results:
        emit_four(results)
    else:
        emit("  not counted: the target pictures have no labels")
    emit(f"  model: {folder}")
    others = sorted(p.name for p in (folder.parent / "models").glob("[!.]*")) if folder else []
    if folder and others:
        emit(f"  others: {folder.parent / 'models'}/{{{','.join(others)}}}")
