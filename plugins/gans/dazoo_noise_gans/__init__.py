"""Plugin: GANs that draw from noise, with a class or a code beside it where they take one."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_gans(register: Callable[..., None]) -> None:
    register("vanilla", "dazoo_noise_gans.vanilla:Vanilla", summary="Dense layers, the first GAN (Goodfellow et al. 2014)")
    register("dcgan", "dazoo_noise_gans.dcgan:DCGAN", summary="Deep convolutional GAN (Radford et al. 2016)")
    register("cgan", "dazoo_noise_gans.cgan:CGAN", summary="Class-conditional, in four ways (Mirza and Osindero 2014 to Miyato 2018)")
    register("lapgan", "dazoo_noise_gans.lapgan:LAPGAN", summary="Laplacian pyramid, from coarse to fine (Denton et al. 2015)")
    register("stylegan", "dazoo_noise_gans.stylegan:StyleGAN", summary="Style-based generator (StyleGAN2, Karras et al. 2020)")
    register("r3gan", "dazoo_noise_gans.r3gan:R3GAN", summary="Plain networks, relativistic game with R1 and R2 (Huang et al. 2024)")
