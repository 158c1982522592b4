"""Untrained models, by the name of a backbone or of a whole recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from dazoo.engine.seeds import checked_seed
from dazoo.errors import SettingsError
from dazoo.models.model import Model
from dazoo.plain import native
from dazoo.registry.names import Recipe
from dazoo.registry.names import parse
from dazoo.registry.plugins import zoo


DEFAULT_SIZE = 32


def create(
    name: str,
    *,
    num_classes: int | None = None,
    classes: Sequence[str] | None = None,
    channels: int | None = None,
    size: int | None = None,
    seed: int | None = None,
    **arguments: Any,
) -> Model:
    """An untrained model.

    Args:
        name: a backbone ("fcn") or a recipe ("fcn-dcgan-gtsrb2india"); a recipe's scenario gives classes and size.
        num_classes: number of classes, where no class names are given; they are called "0", "1", ... then.
        classes: class names.
        channels: 1 or 3; 3 unless the scenario says otherwise.
        size: side of the pictures, pixels; the scenario's, else 32.
        seed: fixes the weights; the global random state is left alone then.
        arguments: keyword arguments of the backbone.

    Raises:
        InvalidName, UnknownName, AmbiguousName: no backbone and no recipe of that name.
        SettingsError: no classes, or settings that do not fit.
    """
    plugins = zoo()
    name, num_classes, channels, size, arguments = native((name, num_classes, channels, size, arguments))
    classes = None if classes is None else native(list(classes))
    recipe = Recipe(backbone=name) if plugins.backbones.find(name) else parse(name, plugins)
    wanted: dict[str, Any] = {}
    if recipe.scenario is not None:
        scenario = plugins.scenarios.build(recipe.scenario)
        wanted = scenario.settings
        if classes is None and num_classes is None:
            from dazoo.data.scenario import classes_of

            classes = classes_of(scenario, plugins)
    if classes is None:
        if num_classes is None:
            raise SettingsError(f"{name!r} says nothing about classes; give num_classes=, classes=, or a recipe with a scenario.")
        if not 2 <= num_classes <= 100_000:
            raise SettingsError(f"num_classes is {num_classes}; expected 2 to 100000.")
        classes = [str(k) for k in range(num_classes)]
    elif num_classes not in (None, len(classes)):
        raise SettingsError(f"num_classes is {num_classes}, but there are {len(classes)} class names; give one of them.")
    channels = channels or wanted.get("channels") or 3
    with torch.random.fork_rng([], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(checked_seed(seed))
        backbone = plugins.backbones.build(recipe.backbone, num_classes=len(classes), in_channels=channels, **arguments)
        model = Model(
            backbone,
            {
                "recipe": asdict(recipe),
                "classes": list(classes),
                "channels": channels,
                "size": size or wanted.get("size") or DEFAULT_SIZE,
                "backbone_settings": dict(plugins.backbones.resolve(recipe.backbone).identify(**arguments)),
            },
        )
        if recipe.gan is not None:
            model.bridge()  # now, so that the seed fixes its weights too
    return model
