"""`dazoo plugins`: what is installed, what each plugin brings, and why one was left out."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import Annotated

import typer

from dazoo.cli.listing import collapsed
from dazoo.cli.options import Json
from dazoo.cli.output import emit
from dazoo.cli.output import emit_json
from dazoo.cli.output import emit_table
from dazoo.registry.discovery import Loaded
from dazoo.registry.plugins import KINDS
from dazoo.registry.plugins import zoo


def command(
    as_json: Json = False,
    check: Annotated[bool, typer.Option("--check", help="Import every class and check it against its contract (imports torch).")] = False,
) -> None:
    """List the installed plugins, their versions and what they bring; exit code 1 if one failed to load."""
    plugins = zoo()
    problems = plugins.check() if check else {}
    found = list(plugins.loaded.values())
    if as_json:
        facts = {"plugins": [{"name": r.name, "ok": r.ok, **asdict(r)} for r in found]}
        emit_json({**facts, "problems": problems} if check else facts)
    else:
        emit_table(("PLUGIN", "VERSION", "STATE", "BRINGS"), [_row(r) for r in found])
        for loaded in found:
            if loaded.file:
                emit(f"\n{loaded.name} is {loaded.file}, which is not installed: whoever uses what it brings needs that file")
            if loaded.error:
                emit(f"\n{loaded.name} {loaded.version} was left out: {loaded.error}")
                emit(textwrap.indent(loaded.traceback.rstrip(), "    ")) if loaded.traceback else None
            for warning in loaded.warnings:
                emit(f"\n{loaded.name} {loaded.version}: {warning}")
        for where, problem in problems.items():
            emit(f"\n{where}: {problem}")
        if check and not problems:
            emit(f"\n{sum(len(getattr(plugins, plural)) for plural in KINDS)} names checked, all keep their contract.")
    if problems or plugins.failures():
        raise typer.Exit(1)


def _row(loaded: Loaded) -> tuple[str, str, str, str]:
    parts = []
    for kind, names in loaded.brings.items():
        shown = ", ".join(name if count == 1 else f"{name} ({count})" for name, count in collapsed(sorted(names)))
        parts.append(f"{kind}: {shown}")
    state = "failed" if loaded.error else "warning" if loaded.warnings else "ok"
    return loaded.name, loaded.version, state, loaded.error or "; ".join(parts)
