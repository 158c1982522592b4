"""Plugin: `tv_<name>` and `tv_<name>_pretrained` for every classifier of the installed torchvision (all have weights), and the augmentation
`photos`."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl
from dazoo.registry.sources import decorated


dazoo_api = 1


_STARTS = {"resnet50": 30, "resnet18": 10}
"""Ranks for people who name no backbone."""


@hookimpl
def dazoo_register_backbones(register: Callable[..., None]) -> None:
    home = "dazoo_torchvision.network"
    for arch in decorated("torchvision", "models", "register_model()"):  # its folders hold detection, segmentation, video: not classifiers
        register(f"tv_{arch}", f"{home}:TorchvisionBackbone", summary=f"torchvision's {arch}", wraps="torchvision", arch=arch)
        summary = f"torchvision's {arch} from pretrained weights"
        rank = _STARTS.get(arch, 0)
        register(f"tv_{arch}_pretrained", f"{home}:PretrainedTorchvision", summary=summary, wraps="torchvision", start=rank, arch=arch)


@hookimpl
def dazoo_register_augmentations(register: Callable[..., None]) -> None:
    summary = "Photographs: parts, flips; strongly, RandAugment and erasing (torchvision.transforms.v2)"
    register("photos", "dazoo_torchvision.photos:Photos", summary=summary, wraps="torchvision")
