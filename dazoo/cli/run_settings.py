"""The run settings of a recipe for `dazoo show`: the values that will be used, who gives them, and what is allowed."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import Any

from dazoo.cli.output import emit
from dazoo.cli.output import title
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import Plugins


NAMED = {"augment": "augmentations", "validator": "validators"}
"""Settings that are registered names."""

WORDS = {"dazoo": "", "stream": "fixed, as the method streams"}
"""Who gives a value, where it is not a layer's own name."""


def run_settings(recipe: Recipe, plugins: Plugins) -> dict[str, list[dict[str, Any]]]:
    """Rows {name, value, from, doc, allowed} of the run, and of the second stage where there is one ("settings", "adaptation")."""
    from dazoo.engine.settings import Settings
    from dazoo.runs.own import shown_size
    from dazoo.runs.plan import settings_of_parts
    from dazoo.runs.second import FIXED
    from dazoo.runs.second import check_second
    from dazoo.runs.second import origins

    layers = settings_of_parts(plugins, recipe, {})
    made = Settings.layered(*layers.values())
    who = {name: next((layer for layer in reversed(layers) if name in layers[layer]), "dazoo") for name in vars(made)}
    rows = _rows(made, who, plugins)
    for row in rows:
        if row["name"] == "size" and recipe.scenario is None:
            row["value"] = shown_size(layers)
    found = {"settings": rows}
    second = check_second(plugins, recipe, made, {})
    if second is not None:
        given = origins(plugins, recipe)
        theirs = _rows(second, {name: given.get(name, "first stage") for name in vars(second)}, plugins)
        found["adaptation"] = [row for row in theirs if row["name"] not in FIXED]
    return found


def _rows(made: Any, who: Mapping[str, str], plugins: Plugins) -> list[dict[str, Any]]:
    from dazoo.cli.describe import docs_of

    docs, allowed = docs_of(type(made), vars(made)), made.allowed()
    allowed |= {name: ", ".join(getattr(plugins, kind).names()) for name, kind in NAMED.items()}
    return [
        {"name": name, "value": value, "from": who[name], "doc": docs.get(name, ""), "allowed": allowed.get(name, "")}
        for name, value in vars(made).items()
    ]


def print_run_settings(fact: Mapping[str, Any], value: Any) -> None:
    """Both tables. `value` writes a value."""
    two = "adaptation" in fact
    title(f"\nSettings of {'stage 1, training on the source' if two else 'the run'} (--set NAME=VALUE)")
    _print(fact["settings"], "", value)
    if two:
        title("\nSettings of stage 2, the adaptation (--set adapt.NAME=VALUE)")
        _print([row for row in fact["adaptation"] if row["from"] != "first stage"], "adapt.", value)
        emit("  The others are as in stage 1, unless they are set.")


def _print(rows: Sequence[Mapping[str, Any]], prefix: str, value: Any) -> None:
    heads = [(prefix + row["name"], value(row["value"]), WORDS.get(row["from"], row["from"])) for row in rows]
    widths = [max(len(head[i]) for head in heads) for i in range(3)]
    indent = 2 + sum(widths) + 6
    room = max(40, get_terminal_size((140, 24)).columns - indent)
    for head, row in zip(heads, rows, strict=True):
        text = row["doc"].rstrip(".") + (f" ({row['allowed']})" if row["allowed"] else "")
        lines = textwrap.wrap(text, room) or [""]
        emit(("  " + "  ".join(cell.ljust(width) for cell, width in zip(head, widths, strict=True)) + "  " + lines[0]).rstrip())
        for line in lines[1:]:
            emit(" " * indent + line)
