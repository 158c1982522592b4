"""Plugin: `voxgan`, volumes whose silhouettes are the pictures, and `silhouettes`, pictures to train it on."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_gans(register: Callable[..., None]) -> None:
    register("voxgan", "dazoo_volume_gans.voxgan:VoxGAN", summary="Volumes of voxels, seen as silhouettes (Wu et al. 2016)")


@hookimpl
def dazoo_register_datasets(register: Callable[..., None]) -> None:
    register(
        "silhouettes", "dazoo_volume_gans.dataset:Silhouettes", summary="Silhouettes of spheres, boxes, tori and chairs, drawn when needed"
    )


@hookimpl
def dazoo_register_entries(register: Callable[..., None]) -> None:
    name = "voxgan-silhouettes"
    register(name, f"dazoo_volume_gans:entries/{name}", summary="Reads volumes of 16 voxels a side from silhouettes; learnt from solids")
