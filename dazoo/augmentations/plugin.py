"""The augmentations that come with the core, registered the way every plugin registers its own."""

from __future__ import annotations

from collections.abc import Callable

from dazoo.registry.hookspecs import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_augmentations(register: Callable[..., None]) -> None:
    register("none", "dazoo.contracts.augmentation:Augmentation", summary="Changes nothing")
    register("objects", "dazoo.augmentations.transforms:Objects", summary="Things: flips, shifts and colours")
