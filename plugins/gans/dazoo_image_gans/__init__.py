"""Plugin: `cyclegan`, pictures of one domain from pictures of another."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_gans(register: Callable[..., None]) -> None:
    register("cyclegan", "dazoo_image_gans.cyclegan:CycleGAN", summary="Unpaired translation with cycle consistency (Zhu et al. 2017)")
