"""`dazoo calibrate`: scores that mean something, for a model that has none yet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dazoo.cli.options import Data
from dazoo.cli.options import Device
from dazoo.cli.options import Download
from dazoo.cli.options import Json
from dazoo.cli.options import ModelRef
from dazoo.cli.output import emit
from dazoo.cli.output import emit_json


def command(
    model: ModelRef,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output folder.", show_default=False)],
    source: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Labelled pictures (a folder, a table); the model's scenario unless given.")
    ] = None,
    target: Annotated[Path | None, typer.Option(metavar="PATH", help="Pictures without labels, to count how many are turned away.")] = None,
    data: Data = None,
    device: Device = "auto",
    download: Download = False,
    as_json: Json = False,
) -> None:
    """Fit temperature and threshold of a model that was saved without, or that was adapted since."""
    from dazoo.runs.calibrating import calibrate

    done = calibrate(model, source=source, target=target, data=data, out=out, device=device, download=download)
    facts = done.config["calibration"]
    if as_json:
        emit_json({"name": done.name, "model": out, "calibration": facts})
        return
    error, n = 100 * facts["source"]["ece"], facts["source"]["n"]
    emit(f"{done.name}  temperature {facts['temperature']:.3g}, calibration error {error:.1f} % on {n} held-out pictures  model: {out}")
