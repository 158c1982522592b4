"""`dazoo list`: names that the installed plugins bring, without importing what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from typing import Any

import typer

from dazoo.cli.options import Json
from dazoo.cli.output import emit_json
from dazoo.cli.output import emit_table
from dazoo.cli.output import say
from dazoo.errors import UnknownName
from dazoo.registry.plugins import KINDS
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo
from dazoo.registry.registry import Registry
from dazoo.registry.registry import did_you_mean


FAMILY = 12
"""Names with one prefix before "_" that are shown one by one; more of them become a line with their number."""


def command(
    kind: Annotated[str | None, typer.Argument(help=f"One of {', '.join(KINDS)}.", show_default=False)] = None,
    pattern: Annotated[
        str | None, typer.Argument(help="Wildcards, in quotes: 'timm_resnet*'; '*' lists large families too.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """List available components: a summary, or the names of one kind."""
    plugins = zoo()
    _mention_failures(plugins)
    if kind is None:
        _summary(plugins, as_json)
        return
    registry = registry_of(plugins, kind)
    names = registry.names(pattern or "*")
    if as_json:
        emit_json([_record(registry, name) for name in names])
    else:
        rows = collapsed(names) if pattern is None else [(name, 1) for name in names]
        emit_table(("NAME", "DISTRIBUTION", "WHAT"), [_row(registry, name, count) for name, count in rows])
    if pattern is not None and not names:
        say(f"no {registry.kind} matches {pattern!r}.")
        raise typer.Exit(1)


def registry_of(plugins: Plugins, kind: str) -> Registry[Any]:
    """The registry of a kind, in the singular or the plural.

    Raises:
        UnknownName: there is no such kind.
    """
    for plural, (singular, _) in KINDS.items():
        if kind.lower() in (plural, singular):
            return getattr(plugins, plural)
    raise UnknownName(f"Unknown kind {kind!r}.{did_you_mean(kind, KINDS)} Kinds: {', '.join(KINDS)}.")


def collapsed(names: Sequence[str]) -> list[tuple[str, int]]:
    """Names with how many each stands for: a large family with one prefix becomes "prefix_*"."""
    families: dict[str, int] = {}
    for name in names:
        prefix = name.partition("_")[0]
        families[prefix] = families.get(prefix, 0) + 1
    large = {prefix for prefix, count in families.items() if count > FAMILY}
    single = [(name, 1) for name in names if name.partition("_")[0] not in large]
    return sorted([*single, *((f"{prefix}_*", families[prefix]) for prefix in large)])


def _summary(plugins: Plugins, as_json: bool) -> None:
    registries = {plural: getattr(plugins, plural) for plural in KINDS}
    if as_json:
        emit_json({plural: registry.names() for plural, registry in registries.items()})
        return
    rows = []
    for plural, registry in registries.items():
        names = registry.names()
        shown = ", ".join(name if count == 1 else f"{name} ({count})" for name, count in collapsed(names))
        rows.append((plural, len(names), shown or "-"))
    emit_table(("KIND", "COUNT", "NAMES"), rows)


def _row(registry: Registry[Any], name: str, count: int) -> tuple[str, str, str]:
    if count > 1:
        plural = next(p for p, (kind, _) in KINDS.items() if kind == registry.kind)
        dists = {r.dist for r in map(registry.get, registry.names(name))}
        return name, ", ".join(sorted(dists)), f"{count} names; \"dazoo list {plural} '{name}'\" shows them"
    found = registry.get(name)
    return name, f"{found.dist} {found.version}", found.summary


def _record(registry: Registry[Any], name: str) -> dict[str, str]:
    found = registry.get(name)
    return {"name": name, "summary": found.summary, "plugin": found.plugin, "distribution": found.dist, "version": found.version}


def _mention_failures(plugins: Plugins) -> None:
    failed = plugins.failures()
    if failed:
        say(f"warning: {len(failed)} plugin(s) failed to load: {', '.join(r.name for r in failed)}; see 'dazoo plugins'.")
