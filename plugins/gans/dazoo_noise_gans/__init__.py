"""Plugin: `dcgan` and `cgan`, pictures from noise, and from a class and noise."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_gans(register: Callable[..., None]) -> None:
    register("dcgan", "dazoo_noise_gans.dcgan:DCGAN", summary="Deep convolutional GAN (Radford et al. 2016)")
    register("cgan", "dazoo_noise_gans.cgan:CGAN", summary="Class-conditional, with a projection critic (Miyato and Koyama 2018)")
