"""Plugin: `timm_<name>` for every architecture of the installed timm."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl
from dazoo.registry.sources import decorated


dazoo_api = 1


@hookimpl
def dazoo_register_backbones(register: Callable[..., None]) -> None:
    for arch in decorated("timm", "models", "register_model"):
        register(f"timm_{arch}", "dazoo_timm.network:TimmBackbone", summary=f"timm's {arch}", arch=arch)
