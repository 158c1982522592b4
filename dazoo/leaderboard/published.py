"""Figures that others published, to stand beside ours."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dazoo.errors import DataError
from dazoo.plain import shown


@dataclass(frozen=True)
class Figure:
    """An accuracy that somebody else reports.

    Attributes:
        recipe: the name of ours that comes nearest, with its scenario.
        value: target accuracy in [0, 1].
        source: who, and how it was measured; shown with the figure.
    """

    recipe: str
    value: float
    source: str


def by_recipe(figures: Iterable[Figure]) -> dict[str, list[Figure]]:
    """Figures by the name of their recipe, each list in their order."""
    found: dict[str, list[Figure]] = {}
    for figure in figures:
        found.setdefault(figure.recipe, []).append(figure)
    return found


def read_published(file: str | os.PathLike[str]) -> tuple[Figure, ...]:
    """Figures of a TOML file, in its order.

        [[figure]]
        recipe = "lenet-dann-mnist2usps"
        value = 0.917
        source = "Transfer-Learning-Library, 50,000 steps, best epoch by target labels"

    Raises:
        DataError: a file that cannot be read, is no TOML, or has a figure that is not one.
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise DataError(f"{path} cannot be read ({exc}); expected a TOML file with [[figure]] tables.") from exc
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as exc:  # a number of too many digits is no TOMLDecodeError
        raise DataError(f"{path} is no TOML: {exc}.") from exc
    tables = data.get("figure")
    if set(data) != {"figure"} or not isinstance(tables, list):
        raise DataError(f"{path} has {', '.join(sorted(data)) or 'nothing'} at its top; expected [[figure]] tables and nothing else.")
    return tuple(_figure(table, f"{path}, figure {k}") for k, table in enumerate(tables, 1))


def _figure(table: object, where: str) -> Figure:
    if not isinstance(table, dict) or set(table) != {"recipe", "value", "source"}:
        found = ", ".join(sorted(table)) if isinstance(table, dict) else type(table).__name__
        raise DataError(f"{where} has {found}; expected recipe, value and source.")
    recipe, value, source = table["recipe"], table["value"], table["source"]
    if not isinstance(recipe, str) or not isinstance(source, str):
        raise DataError(f"{where}: recipe and source are text; got {shown(recipe)} and {shown(source)}.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:  # nor NaN
        raise DataError(f"{where}: value is {shown(value)}; expected an accuracy in [0, 1] (0.917, not 91.7).")
    return Figure(recipe, float(value), source)
