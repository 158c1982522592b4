"""Handwritten digits: MNIST, USPS and MNIST-M, and the scenarios between them."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1

_SCENARIO = "dazoo.contracts.dataset:Scenario"


@hookimpl
def dazoo_register_datasets(register: Callable[..., None]) -> None:
    register("mnist", "dazoo_digits.digits:MNIST", summary="Handwritten digits, 28x28 grey (LeCun et al. 1998)")
    register("usps", "dazoo_digits.digits:USPS", summary="Digits from American envelopes, 16x16 grey (Hull 1994)")
    register("mnist_m", "dazoo_digits.mnist_m:MNISTM", summary="MNIST blended with crops of photographs (Ganin et al. 2016)")


@hookimpl
def dazoo_register_scenarios(register: Callable[..., None]) -> None:
    common = {"size": 28, "batch": 128, "ema": 0.99, "epochs": 3, "steps_per_epoch": 300, "augment": "digits"}
    grey, colour = {**common, "channels": 1}, {**common, "channels": 3}
    register("mnist2usps", _SCENARIO, summary="MNIST to USPS", source="mnist", target="usps", settings=grey)
    register("usps2mnist", _SCENARIO, summary="USPS to MNIST", source="usps", target="mnist", settings=grey)
    register("mnist2mnist_m", _SCENARIO, summary="MNIST to digits on photographs", source="mnist", target="mnist_m", settings=colour)


@hookimpl
def dazoo_register_augmentations(register: Callable[..., None]) -> None:
    register("digits", "dazoo_digits.augment:Digits", summary="Digits: lean, size and place, never a flip")
