"""Plugin: `timm_<name>` for every architecture of the installed timm, and `timm_<name>_pretrained` for those that have weights."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl
from dazoo.registry.sources import decorated
from dazoo.registry.sources import keyed


dazoo_api = 1

_STARTS = {"tf_efficientnet_lite0": 50, "resnet50": 40, "resnet18": 20}
"""Ranks for people who name no backbone: what trains in minutes without a GPU comes first (4.6 M parameters, 75 % on ImageNet)."""

_WEIGHTS = r"""\b(?:url|hf_hub_id|file)["']?\s*[=:]\s*f?["']\w"""


@hookimpl
def dazoo_register_backbones(register: Callable[..., None]) -> None:
    names = decorated("timm", "models", "register_model")
    weights = keyed("timm", "models", names, _WEIGHTS)
    for arch in names:
        register(f"timm_{arch}", "dazoo_timm.network:TimmBackbone", summary=f"timm's {arch}", wraps="timm", arch=arch)
        if weights.get(arch, True):  # one whose weights are listed in a way of its own gets both names too
            summary = f"timm's {arch} from pretrained weights"
            rank = _STARTS.get(arch, 0)
            register(f"timm_{arch}_pretrained", "dazoo_timm.network:PretrainedTimm", summary=summary, wraps="timm", start=rank, arch=arch)
