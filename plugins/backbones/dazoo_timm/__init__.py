"""Plugin: `timm_<name>` for every architecture of the installed timm."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1

_MARK = b"\n@register_model\n"  # the decorator that timm puts before each of its builders
_BUILDER = re.compile(rb"(?:@.*\n)*def (\w+)")


@hookimpl
def dazoo_register_backbones(register: Callable[..., None]) -> None:
    for arch in architectures():
        register(f"timm_{arch}", "dazoo_timm.network:TimmBackbone", summary=f"timm's {arch}", arch=arch)


def architectures() -> list[str]:
    """Names of timm's architectures, read from its sources: importing it would take seconds and bring torch.

    Empty when timm is not installed or has no source files beside it.
    """
    spec = importlib.util.find_spec("timm")  # finds the package, does not import it
    names = []
    for root in (spec.submodule_search_locations or []) if spec else []:
        folder = os.path.join(root, "models")
        for item in os.scandir(folder) if os.path.isdir(folder) else []:
            if item.name.endswith(".py"):
                with open(item.path, "rb") as file:
                    parts = file.read().replace(b"\r\n", b"\n").split(_MARK)
                names += [m[1].decode() for m in map(_BUILDER.match, parts[1:]) if m]
    return sorted(names)
