"""What a run is before it runs: its recipe, settings and pictures, and the identity that tells it from every other run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any
from typing import TypedDict
from typing import Unpack

from dazoo.contracts import Domains
from dazoo.data.own import own_domains
from dazoo.data.pixels import Cropped
from dazoo.data.scenario import load_scenario
from dazoo.engine.seeds import checked_seed
from dazoo.engine.settings import Settings
from dazoo.errors import InvalidName
from dazoo.errors import SettingsError
from dazoo.models.bridging import bridge_for
from dazoo.models.provenance import versions
from dazoo.plain import native
from dazoo.registry.names import Recipe
from dazoo.registry.names import adapts
from dazoo.registry.names import parse
from dazoo.registry.plugins import Plugins
from dazoo.runs.second import PREFIX
from dazoo.runs.second import check_second
from dazoo.runs.second import split_second
from dazoo.runs.own import OWN
from dazoo.runs.own import sized
from dazoo.runs.starting import Named
from dazoo.runs.starting import named


PathLike = str | os.PathLike[str]
PARTS = ("backbone", "gan", "bridge", "method")
"""Who takes constructor arguments: `--set method.weight=0.3`."""

LATER = {"crop": False}
"""Settings that came after the first records, with the value that those had. An identity leaves it out, so that it stays what it was."""


class Pictures(TypedDict, total=False):
    """Where the pictures of a run come from.

    Keys:
        source: folder with one folder of pictures for each class. target: folder of pictures without labels (one folder per class
            gives labels for evaluation alone). Both or neither. Each may be a table of files or a data set (see `dazoo.data.sources`).
        data: folder of the data sets of a scenario; variable DAZOO_DATA unless given.
        target_labelled: whether the folders in `target` are classes; None: they are when all bear class names of the source.
    """

    source: Any
    target: Any
    data: PathLike | None
    target_labelled: bool | None


@dataclass(frozen=True)
class Plan:
    """A run that can be started. It is made once, from a name, and goes down whole.

    Attributes:
        recipe: its parts.
        seed: fixes everything on a CPU.
        settings: how to train, every layer applied.
        arguments: constructor arguments that the user set, by the word in `PARTS`.
        pictures: where they come from.
        remarks: sentences for the person, about what was chosen for them.
        second: run settings that the user set for the second stage (see `dazoo.runs.second`).
        asked: all run settings that the user set, flat ("lr", "adapt.lr"): what a command that makes it again has to say.
    """

    recipe: Recipe
    seed: int
    settings: Settings
    arguments: Mapping[str, Mapping[str, Any]]
    pictures: Pictures
    remarks: tuple[str, ...] = ()
    second: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def images_key(self) -> tuple[Any, ...]:
        """What `load` depends on; plans that agree here have the same images."""
        source, target = self.pictures.get("source"), self.pictures.get("target")
        own = None if source is None else (_key(source), _key(target), self.seed, self.pictures.get("target_labelled"))
        return self.recipe.scenario, own, self.settings.size, self.settings.crop, self.settings.channels

    def load(self, plugins: Plugins, download: bool = False) -> Domains:
        """The images.

        Raises:
            DataError: see `load_scenario` and `own_domains`.
        """
        size, channels = self.settings.size, self.settings.channels
        size = Cropped(size) if self.settings.crop else size
        source, target = self.pictures.get("source"), self.pictures.get("target")
        if source is not None and target is not None:
            labelled = self.pictures.get("target_labelled")
            return own_domains(source, target, size=size, channels=channels or 3, seed=self.seed, target_labelled=labelled)
        scenario = plugins.scenarios.build(str(self.recipe.scenario))
        data = self.pictures.get("data")
        return load_scenario(scenario, data, size=size, channels=channels or None, download=download, zoo=plugins)

    def identity(self, plugins: Plugins, data_digest: str) -> dict[str, Any]:
        """Everything that can change the result, as JSON values: never a path, a host or a time."""
        return {
            "recipe": str(self.recipe),
            "seed": self.seed,
            "settings": {k: v for k, v in asdict(self.settings).items() if (k, v) not in LATER.items()},
            "arguments": {part: values for part, values in self.identified(plugins).items() if values},
            "data": data_digest,
            "plugins": versions({**asdict(self.recipe), "augmentation": self.settings.augment}),
            **({"adapt": dict(self.second)} if self.second else {}),
        }

    def identified(self, plugins: Plugins) -> dict[str, dict[str, Any]]:
        """The constructor arguments by part as JSON values, in which no file has a path (see `Backbone.identify`, `GAN.identify`)."""
        known = {"backbone": plugins.backbones.resolve(self.recipe.backbone).identify(**self.arguments["backbone"])}
        if self.recipe.gan is not None:
            known["gan"] = plugins.gans.resolve(self.recipe.gan).identify(self.arguments["gan"])
        return {part: dict(values) for part, values in {**self.arguments, **known}.items()}

    def adapts(self, plugins: Plugins) -> bool:
        """Whether the recipe does more than train on the source."""
        return adapts(self.recipe, plugins)


def _key(pictures: Any) -> Any:
    """What tells one source of pictures from another: its path, or which object it is."""
    return os.fspath(pictures) if isinstance(pictures, str | os.PathLike) else id(pictures)


def make_plan(
    plugins: Plugins,
    name: str | Recipe,
    *,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    **pictures: Unpack[Pictures],
) -> Plan:
    """The plan of a recipe. Of pictures it reads a few headers, for their size. See `dazoo.train` for the arguments.

    Args:
        name: for a person's own pictures it may lack the backbone (see `dazoo.runs.starting`).
        folder: of the run, where there is one; a start that was chosen for it before is chosen again.

    Raises:
        InvalidName, UnknownName, AmbiguousName: see `parse`; no scenario and no pictures; or nobody brings the augmentation or validator.
        SettingsError: an unknown setting, one of a part that the recipe lacks, or pictures beside a scenario.
    """
    first, second = split_second(settings or {})
    run, arguments = split_settings(first)
    start = Named(name) if isinstance(name, Recipe) else None
    if start is None and pictures.get("source") is not None:
        start = named(str(name), plugins, folder=folder, arguments=arguments["backbone"])
    recipe = parse(str(name), plugins) if start is None else start.recipe
    source, target = pictures.get("source"), pictures.get("target")
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
    if start is not None:
        arguments["backbone"] = {**start.arguments, **arguments["backbone"]}
    lacks = [part for part in PARTS if arguments[part] and not getattr(recipe, "gan" if part == "bridge" else part)]
    if lacks:
        raise SettingsError(f"{lacks[0]}.{next(iter(arguments[lacks[0]]))} is set, but the recipe {str(recipe)!r} has no {lacks[0]}.")
    layers = settings_of_parts(plugins, recipe, arguments)
    made = Settings.layered(*layers.values(), run)
    _check_names(plugins, (made, check_second(plugins, recipe, made, second)))
    remarks = [start.text] if start is not None and start.text else []
    if source is not None and "size" not in run:
        made, remark = sized(made, source, target, layers["backbone"].get("size", 0), gan=recipe.gan is not None)
        remarks.append(remark)
    asked = {**run, **{f"{PREFIX}{key}": native(value) for key, value in second.items()}}
    return Plan(recipe, checked_seed(seed), made, arguments, pictures, tuple(filter(None, remarks)), second, asked)


def settings_of_parts(plugins: Plugins, recipe: Recipe, arguments: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Run settings that the parts want unless the user says otherwise, by who wants them, weakest first."""
    registered = plugins.backbones.get(recipe.backbone).arguments
    cls, built = plugins.backbones.resolve(recipe.backbone), {**registered, **arguments.get("backbone", {})}
    wants = {**cls.wants(**built), **({} if recipe.scenario else cls.wants_for_own(**built))}
    layers = {"own pictures": {} if recipe.scenario else dict(OWN), "backbone": dict(wants)}
    if recipe.scenario:
        layers["scenario"] = dict(plugins.scenarios.build(recipe.scenario).settings)
    if recipe.gan:
        kind = bridge_for(plugins, recipe.gan, arguments.get("bridge", {}).get("kind"))
        layers["bridge"] = dict(plugins.bridges.resolve(kind).defaults)
    method = plugins.methods.resolve(recipe.method) if recipe.method else None
    if method is not None and not method.adapts_trained:  # such a method's settings are those of its own stage
        layers["method"] = dict(method.defaults)
    return layers


def _check_names(plugins: Plugins, stages: Iterable[Settings | None]) -> None:
    """See that somebody brings what the settings of each stage name, before anything is written.

    Raises:
        UnknownName, AmbiguousName: nobody does, or several do.
    """
    for made in filter(None, stages):
        plugins.augmentations.get(made.augment)
        plugins.validators.get(made.validator)


def split_settings(flat: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Flat settings such as {"lr": 0.01, "method.weight": 0.3} as run settings, and constructor arguments by part.

    Raises:
        SettingsError: a part that takes none.
    """
    run: dict[str, Any] = {}
    arguments: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    for key, value in native(flat).items():
        part, dot, name = key.partition(".")
        if not dot:
            run[key] = value
        elif part in arguments:
            arguments[part][name] = value
        else:
            raise SettingsError(f"Setting {key!r} is for {part!r}; expected one of {', '.join(PARTS)} before the dot.")
    return run, arguments


def digest_of_domains(domains: Domains) -> str:
    """sha256 over the four image sets. Target labels are left out: they change no weight."""
    target = (domains.target_train.unlabelled(), domains.target_test.unlabelled())
    return hashlib.sha256("".join(s.digest() for s in (domains.source_train, domains.source_test, *target)).encode()).hexdigest()
