"""Plugin: `tv_<name>` for every classifier of the installed torchvision."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl
from dazoo.registry.sources import decorated


dazoo_api = 1


@hookimpl
def dazoo_register_backbones(register: Callable[..., None]) -> None:
    for arch in decorated("torchvision", "models", "register_model()"):  # its folders hold detection, segmentation, video: not classifiers
        register(f"tv_{arch}", "dazoo_torchvision.network:TorchvisionBackbone", summary=f"torchvision's {arch}", arch=arch)
