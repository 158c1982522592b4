"""`dazoo export`: a model as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dazoo.cli.options import Json
from dazoo.cli.options import ModelRef
from dazoo.cli.output import emit
from dazoo.cli.output import emit_json


def command(
    model: ModelRef,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="File to write, ending in .onnx or .pt2.", show_default=False)],
    format: Annotated[str | None, typer.Option("--format", metavar="onnx|pt2", help="By the ending of PATH unless given.")] = None,
    opset: Annotated[int, typer.Option(min=17, max=25, help="Operator set of ONNX.")] = 18,
    as_json: Json = False,
) -> None:
    """Write a model as ONNX or for torch.export, from pixels to probabilities, and compare the file with the model."""
    from dazoo.models.exporting import export_model
    from dazoo.models.load import load

    loaded = load(model)
    made = export_model(loaded, path, format=format, opset=opset)
    if as_json:
        facts = {"opset": made.opset, "difference": made.difference, "checked_with": made.checked_with}
        emit_json({"model": loaded.name, "path": made.path, "format": made.format, **facts})
        return
    checked = "not checked, since onnxruntime is not installed (pip install 'dazoo[onnx]')"
    if made.difference is not None:
        checked = f"largest difference of probabilities {made.difference:.1e} ({made.checked_with})"
    side, channels = loaded.size, loaded.channels
    emit(f"{made.path}  from uint8 (N, {side}, {side}, {channels}) to probabilities (N, {len(loaded.classes)})  {checked}")
