"""From a suite to cells: which recipes, seeds and settings, and the id of each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any

from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.registry.names import Recipe
from dazoo.registry.names import compose
from dazoo.registry.plugins import Plugins
from dazoo.registry.registry import Registry
from dazoo.registry.registry import did_you_mean


@dataclass(frozen=True)
class Grid:
    """Recipes by wildcards. Names are looked up when the suite is expanded, so a new plugin joins a suite that says "*".

    Attributes:
        backbones, scenarios: names or wildcards.
        gans, methods: likewise; each GAN and each method makes a recipe of its own (a pair with the backbone).
        triples: also combine each GAN with each method.
        exclude: wildcards of recipe names to leave out.
        seeds: number of seeds, from 0.
        settings: as `dazoo train --set` takes them.
    """

    backbones: tuple[str, ...] = ("*",)
    gans: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ("*",)
    triples: bool = False
    exclude: tuple[str, ...] = ()
    seeds: int = 3
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.gans and not self.methods:
            raise SettingsError("The grid has neither GANs nor methods; give --gans, --methods or both ('*' for all).")
        if self.seeds < 1:
            raise SettingsError(f"seeds is {self.seeds}; expected at least 1.")

    def recipes(self, zoo: Plugins) -> Iterator[str]:
        """Names of the recipes, scenario by scenario.

        Raises:
            UnknownName: a name or wildcard that matches nothing.
        """
        backbones, scenarios = _matching(zoo.backbones, self.backbones), _matching(zoo.scenarios, self.scenarios)
        gans, methods = _matching(zoo.gans, self.gans), _matching(zoo.methods, self.methods)
        helped = [(None, m) for m in methods] + [(g, None) for g in gans]
        helped += [(g, m) for g in gans for m in methods] if self.triples else []
        for scenario in scenarios:
            for backbone in backbones:
                for gan, method in helped:
                    name = compose(Recipe(backbone, gan, method, scenario))
                    if not any(fnmatchcase(name, pattern) for pattern in self.exclude):
                        yield name


@dataclass(frozen=True)
class Suite:
    """A named list of grids."""

    name: str
    title: str
    grids: tuple[Grid, ...]

    def runs(self, zoo: Plugins) -> list[tuple[str, int, Mapping[str, Any]]]:
        """(recipe, seed, settings) of every cell, seed by seed: stopped early, the table has fewer seeds and not fewer rows."""
        named = [(grid, list(grid.recipes(zoo))) for grid in self.grids]
        most = max(grid.seeds for grid in self.grids)
        return [(n, seed, grid.settings) for seed in range(most) for grid, names in named if seed < grid.seeds for n in names]


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
        return parse_suite(path.stem, path.read_text(encoding="utf-8"))
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
    """A suite from TOML: `title`, defaults for every grid, and `[[grid]]` tables with the fields of `Grid`."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise SettingsError(f"The suite {name!r} is not TOML: {exc}.") from None
    title, tables = tree.pop("title", name), tree.pop("grid", [{}])
    known = [f.name for f in fields(Grid)]
    grids = []
    for table in tables:
        values = {**tree, **table}
        for key, value in values.items():
            if key not in known:
                raise SettingsError(f"The suite {name!r} has {key!r}.{did_you_mean(key, known)} A grid has: {', '.join(known)}.")
            wrong = not isinstance(value, type(Grid.__dataclass_fields__[key].default)) if key in ("triples", "seeds") else False
            if key in ("backbones", "gans", "methods", "scenarios", "exclude"):
                wrong = not isinstance(value, list) or not all(isinstance(v, str) for v in value)
                values[key] = tuple(value) if not wrong else ()
            if wrong or key == "settings" and not isinstance(value, dict):
                raise SettingsError(
                    f"The suite {name!r} has {key} = {value!r}; expected the form that the suites in dazoo/bench/suites have."
                )
        grids.append(Grid(**{**values, "settings": dict(_flat(values.get("settings", {})))}))
    return Suite(name, str(title), tuple(grids))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _suites() -> Any:
    """The folder of the suites that ship."""
    return resources.files("dazoo.bench").joinpath("suites")


def _matching(registry: Registry, patterns: Sequence[str]) -> list[str]:
    """Names that any pattern matches, in the order of the patterns."""
    found: dict[str, None] = {}
    for pattern in patterns:
        names = registry.names("*" if pattern == "all" else pattern)
        if not names:
            registry.get(pattern)  # says what is wrong with a plain name
            raise UnknownName(f"No {registry.kind} matches {pattern!r}; 'dazoo list {registry.kind}s' shows what there is.")
        found.update(dict.fromkeys(names))
    return list(found)


def split(text: str | None) -> tuple[str, ...]:
    """Names of a command-line list: "fcn,timm_*18"."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
