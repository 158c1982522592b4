"""`dazoo eval`: how many labelled pictures a model gets right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated

import typer

from dazoo.cli.numbers import emit_four
from dazoo.cli.numbers import four
from dazoo.cli.options import Data
from dazoo.cli.options import Device
from dazoo.cli.options import Download
from dazoo.cli.options import Json
from dazoo.cli.options import ModelRef
from dazoo.cli.output import emit_columns
from dazoo.cli.output import emit_json
from dazoo.cli.output import title
from dazoo.errors import SettingsError
from dazoo.plain import per_cent


if TYPE_CHECKING:
    import numpy as np


def command(
    model: ModelRef,
    scenario: Annotated[str | None, typer.Option(help="Use this scenario's target; the model's own unless given.")] = None,
    target: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Your labelled pictures instead: one folder per class, or a table.")
    ] = None,
    data: Data = None,
    device: Device = "auto",
    worst: Annotated[int, typer.Option(min=0, help="Number of hardest classes to show.")] = 5,
    download: Download = False,
    as_json: Json = False,
) -> None:
    """Measure a model's accuracy on labelled pictures, with a 95 % interval."""
    if scenario is not None and target is not None:
        raise SettingsError("--scenario and --target both name pictures; give one of them.")
    from dazoo.models.load import load
    from dazoo.runs.evaluating import evaluate

    loaded = load(model)
    found = evaluate(loaded, scenario=scenario, target=target, data=data, device=device, download=download)
    where = str(target) if target is not None else scenario or loaded.recipe["scenario"]
    if as_json:
        emit_json(
            {
                "model": loaded.name,
                "on": where,
                "n": found.n,
                "accuracy": found.accuracy,
                "interval": [found.interval.low, found.interval.high],
                "balanced_accuracy": found.balanced,
                "per_class": found.per_class,
                "classes": loaded.classes,
                "confusion": found.confusion.tolist(),
                "trained": four(found.four),
            }
        )
        return
    title(f"{loaded.name} on {where}: {found.n} pictures")
    interval = f"95 % interval [{100 * found.interval.low:.1f}, {100 * found.interval.high:.1f}]"
    top = [("accuracy", per_cent(found.accuracy), interval)]
    top.append(("balanced accuracy", per_cent(found.balanced), f"mean over {len(found.per_class)} classes"))
    emit_columns(top, indent=2)
    hardest = sorted(found.per_class.items(), key=lambda item: item[1])[:worst]
    if hardest:
        title("Hardest classes")
        counts = dict(zip(loaded.classes, found.confusion.sum(1).tolist(), strict=True))
        rows = [(name, per_cent(share), f"of {counts[name]}", _mistake(loaded.classes, found.confusion, name)) for name, share in hardest]
        emit_columns(rows, indent=2)
    if four(found.four):
        title("When it was trained")
        emit_four(found.four)


def _mistake(classes: tuple[str, ...], confusion: np.ndarray, name: str) -> str:
    row = confusion[classes.index(name)].copy()
    row[classes.index(name)] = 0
    return f"taken for {classes[int(row.argmax())]} {row.max()} times" if row.max() else ""
