"""Suites: named lists of grids, read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

from dazoo.bench.grid import Grid
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.plain import shown
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import Plugins
from dazoo.registry.registry import did_you_mean


LEVELS = 4
"""Of nested tables in a grid's settings; those of dazoo have two."""


@dataclass(frozen=True)
class Suite:
    """A named list of grids."""

    name: str
    title: str
    grids: tuple[Grid, ...]

    def runs(self, plugins: Plugins) -> list[tuple[Recipe, int, Mapping[str, Any]]]:
        """(recipe, seed, settings) of every cell, seed by seed: stopped early, the table has fewer seeds and not fewer rows."""
        expanded = [(grid, list(grid.recipes(plugins))) for grid in self.grids]
        most = max(grid.seeds for grid in self.grids)
        return [(r, seed, grid.settings) for seed in range(most) for grid, recipes in expanded if seed < grid.seeds for r in recipes]


def read_suite(reference: str) -> Suite:
    """A suite by name, or by the path of its TOML file.

    Raises:
        UnknownName: no suite of that name.
        SettingsError: a file that is no suite.
    """
    path = Path(reference)
    if path.suffix == ".toml":
        if not path.is_file():
            raise SettingsError(f"There is no suite {reference!r}; expected a TOML file or one of {', '.join(suite_names())}.")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise SettingsError(f"The suite {reference!r} cannot be read ({exc}); expected a TOML file in UTF-8.") from None
        return parse_suite(path.stem, text)
    known = suite_names()
    if reference not in known:
        raise UnknownName(
            f"Unknown suite {reference!r}.{did_you_mean(reference, known)} Suites: {', '.join(known)}; or a path ending in .toml."
        )
    return parse_suite(reference, (_suites() / f"{reference}.toml").read_text(encoding="utf-8"))


def suite_names() -> list[str]:
    """Suites that ship."""
    return sorted(f.name.removesuffix(".toml") for f in _suites().iterdir() if f.name.endswith(".toml"))


def parse_suite(name: str, text: str) -> Suite:
    """A suite from TOML: `title`, defaults for every grid, and `[[grid]]` tables with the fields of `Grid`.

    Raises:
        SettingsError: text that is no TOML, or no suite.
    """
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as exc:  # a number of too many digits is no TOMLDecodeError
        raise SettingsError(f"The suite {name!r} is not TOML: {exc}.") from None
    title, tables = tree.pop("title", name), tree.pop("grid", [{}])
    if not isinstance(title, str):
        raise SettingsError(f"The suite {name!r} has title = {shown(title)}; expected text.")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise SettingsError(f"The suite {name!r} has grid = {shown(tables)}; expected one or more [[grid]] tables, or no grid at all.")
    return Suite(name, title, tuple(_grid(name, {**tree, **table}) for table in tables))


def split(texts: Iterable[str]) -> tuple[str, ...]:
    """Names of a command-line list, which may be given in parts: ["fcn,timm_*18", "lenet"]."""
    return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())


def _grid(suite: str, values: dict[str, Any]) -> Grid:
    known = [f.name for f in fields(Grid) if f.name != "own"]  # pictures of one's own are named on the command line
    for key, value in values.items():
        if key not in known:
            raise SettingsError(f"The suite {suite!r} has {key!r}.{did_you_mean(key, known)} A grid has: {', '.join(known)}.")
        kind = {"triples": bool, "seeds": int, "settings": dict}.get(key, list)
        fits = type(value) is kind
        if not fits or kind is list and not all(isinstance(v, str) for v in value):
            raise SettingsError(
                f"The suite {suite!r} has {key} = {shown(value)}; expected the form that the suites in dazoo/bench/suites have."
            )
        if kind is list:
            values[key] = tuple(value)
    try:
        return Grid(**{**values, "settings": dict(_flat(values.get("settings", {})))})
    except SettingsError as exc:
        raise SettingsError(f"The suite {suite!r}: {exc}") from None


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    if prefix.count(".") >= LEVELS:
        raise SettingsError(f"The settings {shown(prefix)} are nested deeper than {LEVELS} levels.")
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _suites() -> Any:
    """The folder of the suites that ship."""
    return resources.files("dazoo.bench").joinpath("suites")
