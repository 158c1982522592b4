"""`dazoo plugins`: what is installed, what each plugin brings, and why one was left out; `dazoo plugins check`: the contract kit."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import Annotated

import typer
from packaging.utils import canonicalize_name

from dazoo.cli.listing import collapsed
from dazoo.cli.listing import registry_of
from dazoo.cli.options import Json
from dazoo.cli.options import parse_named
from dazoo.cli.output import emit
from dazoo.cli.output import emit_json
from dazoo.cli.output import emit_table
from dazoo.cli.output import say
from dazoo.errors import UnknownName
from dazoo.registry.discovery import Loaded
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo
from dazoo.registry.registry import did_you_mean


app = typer.Typer(help="List the installed plugins, or run the contract kit on one.", invoke_without_command=True)


@app.callback()
def listing(context: typer.Context, as_json: Json = False) -> None:
    """List the installed plugins, their versions and what they bring; exit code 1 if one failed to load."""
    if context.invoked_subcommand is not None:
        return
    plugins = zoo()
    found = list(plugins.loaded.values())
    if as_json:
        emit_json({"plugins": [{"name": r.name, "ok": r.ok, **asdict(r)} for r in found]})
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
    if plugins.failures():
        raise typer.Exit(1)


@app.command("check")
def check(
    which: Annotated[
        str | None,
        typer.Argument(metavar="DIST", help="A distribution (dazoo-tiny) or one plugin of it (dazoo-tiny:tiny).", show_default=False),
    ] = None,
    names: Annotated[str, typer.Option(metavar="PATTERN", help="Only names that match, in quotes: 'tiny_*'.")] = "*",
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only names of this kind, such as method.")] = None,
    pairs: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME.KEY=VALUE", help="Build a name with a setting; '*' is every name.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the contract kit: every clause for every name that a distribution brings; exit code 1 if one fails.

    Without DIST, only the clauses of plugins run, on each one: it loads, quickly, and what it names can be imported and fits its contract.
    """
    from dazoo.testing.clauses import findings
    from dazoo.testing.titles import TITLES

    only = None if kind is None else registry_of(zoo(), kind).kind if kind != "plugin" else kind
    settings = parse_named(pairs or (), "--set", "my_gan.width=8", "part", ", or '*.{}=...'.")
    rows: list[dict[str, str]] = []
    for what, name in _names(zoo(), which):
        if (what != "plugin" and not fnmatchcase(name.rpartition(":")[2], names)) or only not in (None, what):
            continue
        say(f"{what} {name}: {len(TITLES[what])} clauses ...")
        for found in findings(what, name, {**settings.get("*", {}), **settings.get(name.rpartition(":")[2], {})}):
            rows.append({"kind": what, "name": name, "clause": found.clause.title, "state": found.state, "message": found.message})
    _report(rows, as_json)


def _names(plugins: Plugins, which: str | None) -> Iterator[tuple[str, str]]:
    """What to run the kit on: kinds and names, plugins first."""
    dist, colon, point = (which or "").partition(":")
    wanted = f"{canonicalize_name(dist)}{colon}{point}"
    chosen = [r for r in plugins.loaded.values() if which is None or wanted in (r.dist, r.name)]
    if not chosen:
        known = [*dict.fromkeys(r.dist for r in plugins.loaded.values()), *plugins.loaded]
        raise UnknownName(
            f"No installed distribution {which!r} brings a dazoo plugin.{did_you_mean(str(which), known)} 'dazoo plugins' lists them; "
            "one in a source tree is installed with 'pip install -e .'."
        )
    for loaded in chosen:
        yield "plugin", loaded.name
    for loaded in chosen if which is not None else ():
        for kind, names in loaded.brings.items():
            for name in sorted(names):
                yield kind, name if name in plugins.registries()[kind] else f"{loaded.dist}:{name}"


def _report(rows: list[dict[str, str]], as_json: bool) -> None:
    failed = [row for row in rows if row["state"] == "failed"]
    counts = {state: sum(row["state"] == state for row in rows) for state in ("ok", "failed", "skipped")}
    if as_json:
        emit_json({"clauses": rows, **counts})
    else:
        emit_table(
            ("KIND", "NAME", "CLAUSE", "STATE", ""),
            [(r["kind"], r["name"], r["clause"], r["state"], r["message"] if r["state"] == "skipped" else "") for r in rows],
        )
        for row in failed:
            emit(f"\n{row['kind']} {row['name']}, {row['clause']}:\n{textwrap.indent(row['message'].rstrip(), '    ')}")
        emit(f"\n{len(rows)} clauses: {counts['ok']} kept, {counts['failed']} failed, {counts['skipped']} skipped.")
    if failed or not rows:
        raise typer.Exit(1)


def _row(loaded: Loaded) -> tuple[str, str, str, str]:
    parts = []
    for kind, names in loaded.brings.items():
        shown = ", ".join(name if count == 1 else f"{name} ({count})" for name, count in collapsed(sorted(names)))
        parts.append(f"{kind}: {shown}")
    state = "failed" if loaded.error else "warning" if loaded.warnings else "ok"
    return loaded.name, loaded.version, state, loaded.error or "; ".join(parts)
