"""`dazoo predict`: what a model says about pictures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any
from typing import cast

import typer

from dazoo.cli.options import Device
from dazoo.cli.options import Json
from dazoo.cli.options import ModelRef
from dazoo.cli.output import emit_json
from dazoo.cli.output import emit_table
from dazoo.cli.output import say
from dazoo.errors import PictureError
from dazoo.errors import SettingsError
from dazoo.streams import is_terminal


if TYPE_CHECKING:
    from dazoo.models.model import Model
    from dazoo.models.model import Prediction

BATCH = 64


def command(
    model: ModelRef,
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURES...", help="Picture files, or folders of them.", show_default=False)],
    top: Annotated[int, typer.Option(min=1, help="Number of classes to show per picture.")] = 1,
    dense: Annotated[Path | None, typer.Option(metavar="OUT.png", help="Also draw what is where in one larger picture.")] = None,
    near: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=0.999, help="For --dense: familiarity that a box needs, 0.4 unless given; less finds more, right and wrong."
        ),
    ] = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Answer 'none of these' to pictures unlike those that the model learnt from.")
    ] = False,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Classify pictures. A picture that cannot be read is reported, the others go on, and the exit code is 1."""
    if dense is not None and (len(pictures) != 1 or pictures[0].is_dir()):
        raise SettingsError(f"--dense draws what is where in one picture; {len(pictures)} arguments were given, or a folder.")
    from dazoo.data import expanded
    from dazoo.models.load import load

    dense = dense and expanded(dense)
    loaded = load(model, device=device)
    paths, failed = expand(pictures)
    found: list[dict[str, Any]] = []
    for start in range(0, len(paths), BATCH):
        for path, answer in answers(loaded, paths[start : start + BATCH], unknown):
            if isinstance(answer, PictureError):
                say(str(answer))
                failed += 1
                continue
            best = answer.top(top)
            if as_json:
                found.append({"picture": str(path), **answer.to_dict(), "top": [{"label": k, "score": v} for k, v in best]})
            else:
                cells = [cell for label, score in best for cell in (label, f"{score:.3f}")]
                found.append({"row": (path, *([answer.label, "-", *cells][: len(cells)] if answer.unknown else cells))})
        if not as_json and not _whole_table():
            emit_table((), [row["row"] for row in found])  # in a pipe, answers appear as they come
            found.clear()
    if as_json:
        emit_json(found)
    elif found:
        emit_table(("PICTURE", *("LABEL", "SCORE") * min(top, len(loaded.classes))), [row["row"] for row in found])
    if dense is not None and not failed:
        from dazoo.cli.drawing import draw_dense
        from dazoo.cli.drawing import sentence

        scene = draw_dense(loaded, paths[0], dense, **({} if near is None else {"near": near}))
        say(f"{sentence(scene)} Drawn to {dense}.")
    if failed:
        raise typer.Exit(1)


def expand(pictures: Sequence[Path]) -> tuple[list[Path], int]:
    """Files as they are, folders as the pictures in them; and how many folders had none."""
    from dazoo.data import expanded
    from dazoo.data import picture_files

    found, empty = [], 0
    for path in map(expanded, pictures):
        inside = picture_files(path) if path.is_dir() else [path]
        if not inside:
            say(f"{path} holds no picture.")
            empty += 1
        found += inside
    return found, empty


def answers(model: Model, paths: Sequence[Path], unknown: bool = False) -> Iterator[tuple[Path, Prediction | PictureError]]:
    """Each picture with the model's answer or with why it cannot be read; one forward pass where all can."""
    try:
        yield from zip(paths, cast("list[Prediction]", model.predict(list(paths), unknown=unknown)), strict=True)
    except PictureError:
        for path in paths:
            try:
                yield path, cast("Prediction", model.predict(path, unknown=unknown))
            except PictureError as exc:
                yield path, exc


def _whole_table() -> bool:
    return is_terminal(sys.stdout)
