"""`dazoo data`: packs of a person's own pictures, and the data sets that plugins know."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from typing import Any

import typer

from dazoo.cli.options import Data
from dazoo.cli.options import Json
from dazoo.cli.output import emit
from dazoo.cli.output import emit_columns
from dazoo.cli.output import emit_json
from dazoo.cli.output import emit_table
from dazoo.cli.output import say
from dazoo.errors import DataError
from dazoo.errors import DazooError


app = typer.Typer(help="Pack your own pictures, and find the data sets that plugins know.", no_args_is_help=True)
SIZE = 32


@app.command("pack")
def pack(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="One folder per class, or loose pictures.", show_default=False)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the pack, made here.", show_default=False)],
    size: Annotated[int, typer.Option(min=8, max=4096, help="Side of the square pictures, pixels.")] = 48,
    grey: Annotated[bool, typer.Option("--grey", help="One channel.")] = False,
    labelled: Annotated[
        bool | None,
        typer.Option("--labelled/--no-labelled", help="Whether the subfolders are classes; guessed from their names."),
    ] = None,
    terms: Annotated[str, typer.Option(help="Licence or terms of use of the pictures, one line.")] = "unknown",
    force: Annotated[bool, typer.Option("--force", help="Replace a pack that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Decode a folder of pictures once; a pack is memory-mapped and takes the folder's place in --source and --target."""
    from dazoo.data import expanded
    from dazoo.data import pack_folder

    made = pack_folder(folder, expanded(out), size=size, channels=1 if grey else 3, labelled=labelled, terms=terms, overwrite=force)
    _describe(made, as_json)


@app.command("info")
def info(
    folder: Annotated[Path, typer.Argument(metavar="PACK", help="Folder of a pack.", show_default=False)],
    verify: Annotated[bool, typer.Option("--verify", help="Read everything and compare the digest.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a pack contains."""
    from dazoo.data import expanded

    folder = expanded(folder)
    if verify:
        from dazoo.data import read_pack

        read_pack(folder, verify=True)
    _describe(folder, as_json)


@app.command("list")
def listing(data: Data = None, as_json: Json = False) -> None:
    """List the data sets: which are there, which are missing, and how to get those."""
    from dazoo.data import data_root
    from dazoo.registry.plugins import zoo

    root, plugins = data_root(data), zoo()
    say(f"data sets under {root}; a set is read when it is first seen, and kept decoded after.")
    found = [_look(plugins, name, root) for name in plugins.datasets.names()]
    if as_json:
        emit_json({"root": root, "datasets": found})
        return
    emit_table(
        ("DATA SET", "STATE", "TRAIN", "TEST", "CLASSES", "WHAT"),
        [(f["name"], f["state"], f.get("train"), f.get("test"), f.get("classes"), f["summary"]) for f in found],
    )
    for fact in found:
        if fact["state"] != "found":
            emit(f"\n{fact['name']}: {fact['problem']}")


@app.command("get")
def get(
    name: Annotated[str, typer.Argument(help="A data set ('dazoo list datasets').", show_default=False)],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Fetch a data set into the data folder, where its terms allow it."""
    from dazoo.data import data_root
    from dazoo.data import expanded
    from dazoo.data.scenario import load_split
    from dazoo.registry.plugins import zoo

    plugins = zoo()
    entry = plugins.datasets.get(name)
    if data is not None:
        expanded(data).mkdir(parents=True, exist_ok=True)
    root = data_root(data)
    dataset = plugins.datasets.build(name)
    say(f"{name} into {root}; terms: {dataset.terms}")
    counts = {split: len(load_split(dataset, split, root, size=SIZE, download=True)) for split in ("train", "test")}
    if as_json:
        emit_json({"name": entry.name, "root": root, "terms": dataset.terms, **counts})
        return
    emit(f"{name}: {counts['train']} pictures to train with, {counts['test']} to test with, in {root}")


def _look(plugins: Any, name: str, root: Path) -> dict[str, Any]:
    """A data set's state: it is found when both splits can be read. One whose code fails is broken, and nobody else's row is."""
    from dazoo.data.scenario import load_split

    entry = plugins.datasets.get(name)
    fact: dict[str, Any] = {"name": name, "summary": entry.summary}
    try:
        dataset = plugins.datasets.build(name)
        fact["terms"] = dataset.terms
        train, test = (load_split(dataset, split, root, size=SIZE) for split in ("train", "test"))
    except DazooError as exc:
        there = "missing" if isinstance(exc, DataError) and "is not in" in str(exc) else "broken"
        return {**fact, "state": there, "problem": str(exc)}
    except Exception as exc:  # a constructor, or a property, of a stranger's
        return {**fact, "state": "broken", "problem": f"The {entry.called} fails: {type(exc).__name__}: {exc}"}
    return {**fact, "state": "found", "train": len(train), "test": len(test), "classes": len(train.classes)}


def _describe(folder: Path, as_json: bool) -> None:
    from dazoo.data import pack_info

    found = pack_info(folder)
    if as_json:
        emit_json({"folder": folder, **vars(found)})
        return
    height, width, channels = found.shape
    rows = [
        ("pack", str(folder)),
        ("pictures", f"{found.count} of {height}x{width}x{channels}{'' if found.labelled else ', without labels'}"),
        ("classes", f"{len(found.classes)}: {', '.join(found.classes[:12])}{', ...' if len(found.classes) > 12 else ''}"),
        ("terms", found.terms),
        ("sha256", found.digest),
    ]
    emit_columns([row for row in rows if row[0] != "classes" or found.classes])
