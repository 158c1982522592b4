"""The second stage of a recipe whose method adapts a trained model: which run settings it has, and how a person sets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dazoo.contracts import Method
from dazoo.engine.settings import Settings
from dazoo.errors import SettingsError
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import Plugins


PREFIX = "adapt."
"""In front of a run setting of the second stage: `--set adapt.lr=1e-4`. Without it, a run setting is the first stage's."""

FIXED = ("size", "channels", "crop")
"""Settings of the pictures, which both stages share."""


def split_second(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Flat settings without those of the second stage, and those, without their prefix."""
    second = {key.removeprefix(PREFIX): value for key, value in settings.items() if key.startswith(PREFIX)}
    return {key: value for key, value in settings.items() if not key.startswith(PREFIX)}, second


def stage_settings(settings: Settings, method: Method | type[Method], overrides: Mapping[str, Any] | None = None) -> Settings:
    """Settings of the stage that adapts a trained model: the method's own, since the run's described how to train from the start."""
    return Settings.layered({**asdict(settings), **_own(method), **(overrides or {}), **_fixed(method)})


def origins(plugins: Plugins, recipe: Recipe) -> dict[str, str]:
    """Who gives each setting of the second stage its value, where that is not the first stage; empty where there is no second stage."""
    method = _second(plugins, recipe)
    if method is None:
        return {}
    return {**dict.fromkeys(_own(method), "method"), **dict.fromkeys(_fixed(method), "stream")}


def check_second(plugins: Plugins, recipe: Recipe, settings: Settings, second: Mapping[str, Any]) -> Settings | None:
    """The settings of the second stage; None where the recipe has one stage.

    Raises:
        SettingsError: there is none to set, or a setting that it does not have; see `Settings`.
    """
    method = _second(plugins, recipe)
    if method is None:
        if second:
            raise SettingsError(
                f"{PREFIX}{next(iter(second))} is set, but {str(recipe)!r} trains in one stage; leave {PREFIX!r} out. It is for methods "
                "that adapt a trained model, whose first stage trains on the source."
            )
        return None
    for name in second:
        if name in FIXED:
            raise SettingsError(f"{PREFIX}{name} is set, but both stages see the same pictures; set {name}.")
        if name in _fixed(method):
            raise SettingsError(f"{PREFIX}{name} is set, but {recipe.method!r} streams: it is {_fixed(method)[name]} there.")
    return stage_settings(settings, method, second)


def _second(plugins: Plugins, recipe: Recipe) -> type[Method] | None:
    method = plugins.methods.resolve(recipe.method) if recipe.method else None
    return method if method is not None and method.adapts_trained else None


def _own(method: Method | type[Method]) -> dict[str, Any]:
    return {"ema": 0.0, "steps_per_epoch": 0, **method.defaults}


def _fixed(method: Method | type[Method]) -> dict[str, Any]:
    """A stream takes a batch in one piece, and has no end to aim at."""
    return {"accumulate": 1, "warmup": 0.0, "schedule": "constant"} if method.streams else {}
