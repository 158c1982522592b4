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
from dazoo.registry.plugins import KINDS
from dazoo.registry.plugins import Record
from dazoo.registry.plugins import zoo


def command(
    as_json: Json = False,
    check: Annotated[bool, typer.Option("--check", help="Import every class and hold it against its contract (imports torch).")] = False,
) -> None:
    """List the plugins with version and what they bring; exit code 1 when one failed."""
    plugins = zoo()
    problems = plugins.check() if check else {}
    records = list(plugins.loaded.values())
    if as_json:
        found = {"plugins": [{"name": r.name, "ok": r.ok, **asdict(r)} for r in records]}
        emit_json({**found, "problems": problems} if check else found)
    else:
        emit_table(("PLUGIN", "VERSION", "STATE", "BRINGS"), [_row(r) for r in records])
        for record in records:
            if record.error:
                emit(f"\n{record.name} {record.version} was left out: {record.error}")
                emit(textwrap.indent(record.traceback.rstrip(), "    ")) if record.traceback else None
            for warning in record.warnings:
                emit(f"\n{record.name} {record.version}: {warning}")
        for where, problem in problems.items():
            emit(f"\n{where}: {problem}")
        if check and not problems:
            emit(f"\n{sum(len(getattr(plugins, plural)) for plural in KINDS)} names checked, all keep their contract.")
    if problems or plugins.failures():
        raise typer.Exit(1)


def _row(record: Record) -> tuple[str, str, str, str]:
    parts = []
    for kind, names in record.brings.items():
        shown = ", ".join(name if count == 1 else f"{name} ({count})" for name, count in collapsed(sorted(names)))
        parts.append(f"{kind}: {shown}")
    state = "failed" if record.error else "warning" if record.warnings else "ok"
    return record.name, record.version, state, record.error or "; ".join(parts)
