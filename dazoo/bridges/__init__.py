"""How a GAN helps a classifier. The bridge is chosen from what the GAN declares that it takes, so every pair works."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING
from typing import Any

from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.registry.registry import did_you_mean


if TYPE_CHECKING:
    from dazoo.contracts import Bridge
    from dazoo.contracts import Problem
    from dazoo.registry.plugins import Plugins


def bridge_for(zoo: Plugins, gan: str) -> type[Bridge]:
    """The bridge class that feeds what a registered GAN takes.

    Raises:
        PluginError: it takes nothing that a bridge can feed.
    """
    from dazoo.bridges.generate_to_adapt import GenerateToAdapt
    from dazoo.bridges.translate import Translate

    takes = zoo.gans.resolve(gan).takes
    if "image" in takes:
        return Translate
    if "noise" in takes:
        return GenerateToAdapt
    raise PluginError(f"GAN {gan!r} takes {sorted(takes)}; a bridge feeds 'noise' or 'image'. Declare one of them in `takes`.")


def build_bridge(zoo: Plugins, gan: str, problem: Problem, gan_settings: Mapping[str, Any], bridge_settings: Mapping[str, Any]) -> Bridge:
    """The bridge between a registered GAN and the problem's backbone.

    Args:
        gan: registered name.
        gan_settings, bridge_settings: keyword arguments over the defaults of the GAN and of the bridge.

    Raises:
        PluginError: the GAN takes nothing that a bridge can feed.
        SettingsError: a setting that the GAN or the bridge does not take.
    """
    make = partial(zoo.gans.build, gan, channels=problem.channels, size=problem.size, num_classes=problem.num_classes, **gan_settings)
    bridge = bridge_for(zoo, gan)
    known = [name for name in signature(bridge).parameters if name not in ("problem", "make_gan")]
    for name in bridge_settings:
        if name not in known:
            raise SettingsError(
                f"Unknown setting 'bridge.{name}'.{did_you_mean(name, known)} The bridge of {gan!r} takes: {', '.join(known)}."
            )
    return bridge(problem, make, **bridge_settings)
