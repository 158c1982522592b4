"""Plugin: GANs that start from pictures, and drawn pictures to learn restoring from.

The GANs translate (`cyclegan`, `discogan`) or restore (`pix2pix`, `context_encoder`, `srgan`).
"""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_gans(register: Callable[..., None]) -> None:
    register("cyclegan", "dazoo_image_gans.cyclegan:CycleGAN", summary="Unpaired translation with cycle consistency (Zhu et al. 2017)")
    register("discogan", "dazoo_image_gans.discogan:DiscoGAN", summary="Unpaired translation with matched features (Kim et al. 2017)")
    register("pix2pix", "dazoo_image_gans.pix2pix:Pix2Pix", summary="Colour, detail or sharpness given back (Isola et al. 2017)")
    register(
        "context_encoder",
        "dazoo_image_gans.context_encoder:ContextEncoder",
        summary="Holes filled from what is around (Pathak et al. 2016)",
    )
    register("srgan", "dazoo_image_gans.srgan:SRGAN", summary="Small pictures enlarged 2 or 4 times (Ledig et al. 2017)")


@hookimpl
def dazoo_register_datasets(register: Callable[..., None]) -> None:
    register(
        "leaves", "dazoo_image_gans.leaves:DeadLeaves", summary="Dead leaves: drawn discs that hide each other, to learn restoring from"
    )


@hookimpl
def dazoo_register_entries(register: Callable[..., None]) -> None:
    register("srgan-leaves", "dazoo_image_gans:entries/srgan-leaves", summary="Makes pictures four times as large; learnt from dead leaves")
