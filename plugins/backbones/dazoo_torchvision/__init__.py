"""Plugin: `tv_<name>` and `tv_<name>_pretrained` for every classifier of the installed torchvision; all of them have weights."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl
from dazoo.registry.sources import decorated


dazoo_api = 1


@hookimpl
def dazoo_register_backbones(register: Callable[..., None]) -> None:
    home = "dazoo_torchvision.network"
    for arch in decorated("torchvision", "models", "register_model()"):  # its folders hold detection, segmentation, video: not classifiers
        register(f"tv_{arch}", f"{home}:TorchvisionBackbone", summary=f"torchvision's {arch}", wraps="torchvision", arch=arch)
        summary = f"torchvision's {arch} from pretrained weights"
        register(f"tv_{arch}_pretrained", f"{home}:PretrainedTorchvision", summary=summary, wraps="torchvision", arch=arch)
