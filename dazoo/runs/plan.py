"""What a run is before it runs: its recipe, settings and pictures, and the identity that tells it from every other run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

from dazoo.contracts import Domains
from dazoo.contracts import Method
from dazoo.data.own import own_domains
from dazoo.data.scenario import load_scenario
from dazoo.engine.augment import policy
from dazoo.engine.run import Options
from dazoo.engine.run import component_defaults
from dazoo.engine.settings import Settings
from dazoo.errors import InvalidName
from dazoo.errors import SettingsError
from dazoo.registry.names import Recipe
from dazoo.registry.names import parse
from dazoo.registry.plugins import Plugins
from dazoo.models.save import versions


PathLike = str | os.PathLike[str]
OWN = {"balance": True, "augment": "signs", "size": 48}
"""Settings for a person's own pictures, where no scenario brings any."""


@dataclass(frozen=True)
class Plan:
    """A run that can be started.

    Attributes:
        recipe: its parts.
        seed: fixes everything on a CPU.
        settings: how to train, every layer applied.
        options: what the user set, by whom it is for.
        source, target: folders of the user's own pictures, or None. data: folder of the data sets, or None.
    """

    recipe: Recipe
    seed: int
    settings: Settings
    options: Options
    source: PathLike | None
    target: PathLike | None
    data: PathLike | None

    @property
    def pictures(self) -> tuple[Any, ...]:
        """What `load` depends on; plans that agree here have the same pictures."""
        own = None if self.source is None else (os.fspath(self.source), os.fspath(self.target or ""), self.seed)
        return self.recipe.scenario, own, self.settings.size, self.settings.channels

    def load(self, plugins: Plugins, download: bool = False) -> Domains:
        """The pictures.

        Raises:
            DataError: see `load_scenario` and `own_domains`.
        """
        size, channels = self.settings.size, self.settings.channels
        if self.source is not None and self.target is not None:
            return own_domains(self.source, self.target, size=size, channels=channels or 3, seed=self.seed)
        scenario = plugins.scenarios.build(self.recipe.scenario)
        return load_scenario(scenario, self.data, size=size, channels=channels or None, download=download, zoo=plugins)

    def identity(self, data_digest: str) -> dict[str, Any]:
        """Everything that can change the result, as JSON values: never a path, a host or a time."""
        return {
            "recipe": str(self.recipe),
            "seed": self.seed,
            "settings": asdict(self.settings),
            "parts": {group: dict(values) for group, values in self.options.parts.items() if values},
            "data": data_digest,
            "plugins": versions(asdict(self.recipe)),
        }

    def adapts(self, plugins: Plugins) -> bool:
        """Whether the recipe does more than train on the source."""
        return (
            self.recipe.gan is not None
            or self.recipe.method is not None
            and plugins.methods.resolve(self.recipe.method).phases is not Method.phases
        )


def make_plan(
    plugins: Plugins,
    name: str | Recipe,
    *,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    source: PathLike | None = None,
    target: PathLike | None = None,
    data: PathLike | None = None,
) -> Plan:
    """The plan of a recipe by name; reads no picture. See `dazoo.train` for the arguments.

    Raises:
        InvalidName, UnknownName, AmbiguousName: see `parse`; or no scenario and no pictures.
        SettingsError: an unknown setting, or pictures beside a scenario.
    """
    recipe = name if isinstance(name, Recipe) else parse(name, plugins)
    options = Options.parse(settings or {})
    if (source is None) != (target is None):
        raise SettingsError("Give both --source and --target, or neither and a name with a scenario.")
    if source is None and recipe.scenario is None:
        raise InvalidName(
            f"{str(name)!r} names no scenario; add one ('dazoo list scenarios'), or give your own pictures with --source and --target."
        )
    if source is not None and recipe.scenario is not None:
        raise SettingsError(
            f"{str(name)!r} names the scenario {recipe.scenario!r}, and --source and --target give other pictures; leave one out."
        )
    base = plugins.scenarios.build(recipe.scenario).settings if recipe.scenario else OWN
    run = Settings.layered(base, component_defaults(plugins, recipe), options.run)
    policy(run.augment), plugins.validators.entry(run.validator)  # names that nobody knows are told before anything is written
    return Plan(recipe, seed, run, options, source, target, data)


def digest_of_domains(domains: Domains) -> str:
    """sha256 over the four image sets. Target labels are left out: they change no weight."""
    target = (domains.target_train.unlabelled(), domains.target_test.unlabelled())
    return hashlib.sha256("".join(s.digest() for s in (domains.source_train, domains.source_test, *target)).encode()).hexdigest()
