"""The best start that is at hand, for a person who names no backbone for their own pictures: "mean_teacher", "dcgan", "dcgan-dann".

Backbones are offered by plugins, with a rank (`register(..., start=20)`), and say themselves whether they can be had (`Backbone.at_hand`).
Importing this module does not import torch; choosing a start does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from dazoo.errors import DazooError
from dazoo.errors import InvalidName
from dazoo.errors import PluginError
from dazoo.plain import read_bounded
from dazoo.registry.names import Recipe
from dazoo.registry.names import compose
from dazoo.registry.names import parse
from dazoo.registry.plugins import Plugins
from dazoo.registry.registry import Registration
from dazoo.runs.folder import MAX_RUN
from dazoo.runs.folder import RUN


if TYPE_CHECKING:
    from dazoo.contracts import Start

PATIENCE = 3.0
"""Seconds that a server of weights has to answer, once."""


@dataclass(frozen=True)
class Named:
    """What a name stands for.

    Attributes:
        recipe: with its backbone.
        arguments: constructor arguments of the backbone that the start needs.
        text: a sentence about the start that was chosen; "" where the name says which backbone.
    """

    recipe: Recipe
    arguments: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


def named(
    name: str, plugins: Plugins, *, folder: Path | None = None, arguments: Mapping[str, Any] | None = None, patience: float = PATIENCE
) -> Named:
    """The recipe of a name, on the best start at hand where the name has no backbone.

    Args:
        folder: of the run; what it was begun with is gone on with.
        arguments: constructor arguments of the backbone that the user set.
        patience: seconds to wait for a server; 0 only looks at what is here.

    Raises:
        InvalidName, UnknownName, AmbiguousName: see `parse`; or no plugin offers a start.
    """
    rest = without_backbone(name, plugins)
    if rest is None:
        return Named(parse(name, plugins))
    begun = _begun(folder, rest, plugins) if folder is not None else None
    found = [r for r in offered(plugins) if r.name == begun] if begun else offered(plugins)
    if begun and not found:
        return Named(replace(rest, backbone=begun))
    registration, start = _choose(found, plugins, dict(arguments or {}), patience)
    recipe = parse(f"{registration.qualified}-{name}", plugins)
    fetches = bool(plugins.backbones.resolve(recipe.backbone).fetches)
    return Named(recipe, start.arguments, _sentence(recipe.backbone, start, fetches, asked=bool(patience)))


def without_backbone(name: str, plugins: Plugins) -> Recipe | None:
    """What a name without a backbone ("mean_teacher", "dcgan-dann") stands for, on the first backbone of those that are offered; None for
    every other name. A scenario in it is none of a person's own pictures, so such a name needs a backbone.

    Raises:
        InvalidName: it would be one, but no plugin offers a start.
    """
    try:
        parse(name, plugins)
        return None
    except DazooError as exc:
        first = offered(plugins)[:1]
        if not first:
            if isinstance(exc, InvalidName) and name in (*plugins.methods.names(), *plugins.gans.names()):
                raise InvalidName(f"{name!r} names no backbone, and no installed plugin offers one to start from. {exc}") from None
            return None
    try:
        found = parse(f"{first[0].qualified}-{name}", plugins)
    except DazooError:
        return None
    return None if found.scenario else found


def offered(plugins: Plugins) -> list[Registration]:
    """Backbones that a person who names none may get, the best first."""
    return sorted((r for r in plugins.backbones.registrations() if r.start), key=lambda r: -r.start)


def _begun(folder: Path, rest: Recipe, plugins: Plugins) -> str | None:
    """The backbone of the same recipe that a run in this folder was begun with."""
    try:
        there = parse(json.loads(read_bounded(folder / RUN, MAX_RUN))["recipe"], plugins)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, DazooError):
        return None  # nothing was begun; or it is damaged, which is told when the folder is claimed
    return there.backbone if replace(there, backbone=rest.backbone) == rest else None


def _choose(
    found: list[Registration], plugins: Plugins, arguments: Mapping[str, Any], patience: float
) -> tuple[Registration, Start]:
    """The first that is here; else, of those with weights, the first that comes in time; else the first that needs none."""
    for registration, start in _tries(found, plugins, arguments, patience):
        if start is not None:
            return registration, start
    names = ", ".join(r.name for r in found)
    raise PluginError(f"None of the backbones to start from can be had ({names}); name one in front of the recipe, such as 'BACKBONE-METHOD'.")


def _tries(
    found: list[Registration], plugins: Plugins, arguments: Mapping[str, Any], patience: float
) -> Iterator[tuple[Registration, Start | None]]:
    def asked(fetches: bool, seconds: float) -> Iterator[tuple[Registration, Start | None]]:
        for r in found:
            cls = plugins.backbones.resolve(r.qualified)
            if bool(cls.fetches) is fetches:
                yield r, cls.at_hand(seconds, **{**r.arguments, **arguments})

    yield from asked(True, 0.0)
    if patience:
        yield from asked(True, patience)
    yield from asked(False, 0.0)


def _sentence(backbone: str, start: Start, fetches: bool, asked: bool) -> str:
    if fetches:
        return f"Start: {backbone}, {start.text}."
    if not asked:
        return f"Start: {backbone}, {start.text}, unless pretrained weights can be fetched: none are here."
    return (
        f"Start: {backbone}, {start.text}, because no pretrained weights are here or could be fetched; with some hundred photographs that "
        "costs most of the accuracy. Run it once where there is a network, or name a folder of safetensors files with DAZOO_WEIGHTS."
    )
