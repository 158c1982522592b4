"""`dazoo search`: trained models by name, those that are installed and those that others published."""

from __future__ import annotations

from typing import Annotated

import typer

from dazoo.cli.options import Json
from dazoo.cli.output import emit_json
from dazoo.cli.output import emit_table
from dazoo.cli.output import say
from dazoo.cli.output import title
from dazoo.registry.plugins import zoo
from dazoo.streams import is_terminal


def command(
    text: Annotated[str, typer.Argument(help="A part of the name; all of them unless given.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Models of the Hub at most.")] = 50,
    as_json: Json = False,
) -> None:
    """Find trained models: the entries of installed plugins, and apart from them what anybody has published on the Hub."""
    import sys

    entries = [zoo().entries.get(name) for name in zoo().entries.names() if text.lower() in name]
    from dazoo.models.searching import search

    shown = is_terminal(sys.stdout)
    if not as_json:
        if shown:
            title("Entries of installed plugins")
        emit_table(("NAME", "FROM", "WHAT"), [(e.name, e.dist, e.summary) for e in entries])
    found = search(text, limit=limit)
    if as_json:
        curated = [{"name": e.name, "distribution": e.dist, "summary": e.summary} for e in entries]
        emit_json({"entries": curated, "hub": [{**vars(hit), "ref": hit.ref} for hit in found]})
        return
    if shown:
        title("On the Hub, by anybody")
    emit_table(("NAME", "FROM", "WHAT"), [(hit.ref, "hub", f"{hit.task}, {hit.downloads} downloads") for hit in found])
    if found:
        say("nobody has checked what is on the Hub: read its card (dazoo card hub:USER/NAME), and pin the commit that you trust.")
