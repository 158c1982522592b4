"""How a GAN helps a classifier. The bridge is chosen from what the GAN declares that it takes, so every pair works."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING
from typing import Any

from dazoo.contracts import Bridge
from dazoo.contracts import Problem
from dazoo.errors import PluginError


if TYPE_CHECKING:
    from dazoo.plugins import Plugins


def build_bridge(zoo: Plugins, gan: str, problem: Problem, gan_settings: Mapping[str, Any], bridge_settings: Mapping[str, Any]) -> Bridge:
    """The bridge between a registered GAN and the problem's backbone.

    Args:
        gan: registered name.
        gan_settings, bridge_settings: keyword arguments over the defaults of the GAN and of the bridge.

    Raises:
        PluginError: the GAN takes nothing that a bridge can feed.
    """
    from dazoo.bridges.generate_to_adapt import GenerateToAdapt
    from dazoo.bridges.translate import Translate

    takes = zoo.gans.resolve(gan).takes
    make = partial(zoo.gans.build, gan, channels=problem.channels, size=problem.size, num_classes=problem.num_classes, **gan_settings)
    if "image" in takes:
        return Translate(problem, make, **bridge_settings)
    if "noise" in takes:
        return GenerateToAdapt(problem, make, **bridge_settings)
    raise PluginError(f"GAN {gan!r} takes {sorted(takes)}; a bridge feeds 'noise' or 'image'. Declare one of them in `takes`.")
