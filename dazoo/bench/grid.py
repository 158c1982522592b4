"""From wildcards to recipes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from fnmatch import fnmatchcase
from typing import Any

from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.plain import shown
from dazoo.registry.names import KINDS
from dazoo.registry.names import Recipe
from dazoo.registry.names import parse
from dazoo.registry.plugins import Plugins
from dazoo.registry.registry import Registry


SEEDS = 10_000
"""Most seeds of a grid; more is a slip of the hand."""


@dataclass(frozen=True)
class Grid:
    """Recipes by wildcards. Names are looked up when the suite is expanded, so a new plugin joins a suite that says "*".

    Attributes:
        backbones, scenarios: names or wildcards.
        gans, methods: likewise; each GAN and each method makes a recipe of its own (a pair with the backbone).
        triples: also combine each GAN with each method.
        exclude: wildcards of recipe names to leave out.
        seeds: number of seeds, from 0; at most `SEEDS`.
        settings: as `dazoo train --set` takes them.
        own: recipes for a person's own pictures, which have no scenario.

    Raises:
        SettingsError: neither GANs nor methods, or too few or too many seeds.
    """

    backbones: tuple[str, ...] = ("*",)
    gans: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ("*",)
    triples: bool = False
    exclude: tuple[str, ...] = ()
    seeds: int = 3
    settings: Mapping[str, Any] = field(default_factory=dict)
    own: bool = False

    def __post_init__(self) -> None:
        if not self.gans and not self.methods:
            raise SettingsError("The grid has neither GANs nor methods; give --gans, --methods or both ('*' for all).")
        if not 1 <= self.seeds <= SEEDS:
            raise SettingsError(f"seeds is {shown(self.seeds)}; expected at least 1 and at most {SEEDS:,}.")

    def recipes(self, plugins: Plugins) -> Iterator[Recipe]:
        """The recipes, scenario by scenario.

        Raises:
            UnknownName: a name or wildcard that matches nothing.
        """
        registries = plugins.registries()
        backbones = _matching(plugins.backbones, self.backbones)
        scenarios: Sequence[str | None] = [None] if self.own else _matching(plugins.scenarios, self.scenarios)
        gans, methods = _matching(plugins.gans, self.gans), _matching(plugins.methods, self.methods)
        helped: list[tuple[str | None, str | None]] = [*((None, m) for m in methods), *((g, None) for g in gans)]
        helped += [(g, m) for g in gans for m in methods] if self.triples else []
        counts = Counter(r.name for kind in KINDS for r in registries[kind].registrations())
        for scenario in scenarios:
            for backbone in backbones:
                for gan, method in helped:
                    recipe = Recipe(backbone, gan, method, scenario)
                    if any(counts[name] != 1 for name in recipe.parts().values()):
                        recipe = _spelt(recipe, plugins)
                    if not any(fnmatchcase(str(recipe), pattern) for pattern in self.exclude):
                        yield recipe


def _spelt(recipe: Recipe, plugins: Plugins) -> Recipe:
    """A recipe whose parts share a name with others, spelt so that its name is read as it is meant."""
    registries = plugins.registries()
    parts = {kind: f"{kind}:{registries[kind].get(name).qualified}" for kind, name in recipe.parts().items()}
    return parse("-".join(parts[kind] for kind in KINDS if kind in parts), plugins)


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
