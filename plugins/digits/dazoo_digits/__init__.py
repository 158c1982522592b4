"""Handwritten digits: MNIST, USPS, MNIST-M and Optdigits, and the scenarios between them."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1

_SCENARIO = "dazoo.contracts.dataset:Scenario"


@hookimpl
def dazoo_register_datasets(register: Callable[..., None]) -> None:
    register("mnist", "dazoo_digits.digits:MNIST", summary="Handwritten digits, 28x28 grey (LeCun et al. 1998)")
    register("usps", "dazoo_digits.digits:USPS", summary="Digits from American envelopes, 16x16 grey (Hull 1994)")
    optdigits = "dazoo_digits.optdigits:OptDigits"
    register("optdigits", optdigits, summary="Handwritten digits that come with scikit-learn, 8x8 grey (Alpaydin and Kaynak 1998)")
    register("optdigits_m", optdigits, summary="Optdigits on coloured grounds, as MNIST-M is made", coloured=True)
    register("mnist_m", "dazoo_digits.mnist_m:MNISTM", summary="MNIST blended with crops of photographs (Ganin et al. 2016)")


@hookimpl
def dazoo_register_scenarios(register: Callable[..., None]) -> None:
    common = {"size": 28, "batch": 128, "ema": 0.99, "epochs": 3, "steps_per_epoch": 300, "augment": "digits"}
    grey, colour = {**common, "channels": 1}, {**common, "channels": 3}
    register("mnist2usps", _SCENARIO, summary="MNIST to USPS", source="mnist", target="usps", settings=grey)
    register("usps2mnist", _SCENARIO, summary="USPS to MNIST", source="usps", target="mnist", settings=grey)
    few = {**colour, "batch": 64, "epochs": 4, "steps_per_epoch": 100}
    name, summary = "optdigits2optdigits_m", "Handwritten digits to others on coloured grounds; needs no download"
    register(name, _SCENARIO, summary=summary, source="optdigits", target="optdigits_m", settings=few)
    register("mnist2mnist_m", _SCENARIO, summary="MNIST to digits on photographs", source="mnist", target="mnist_m", settings=colour)


@hookimpl
def dazoo_register_augmentations(register: Callable[..., None]) -> None:
    register("digits", "dazoo_digits.augment:Digits", summary="Digits: lean, size and place, never a flip")


@hookimpl
def dazoo_register_entries(register: Callable[..., None]) -> None:
    register("cgan-mnist", "dazoo_digits:entries/cgan-mnist", summary="Draws handwritten digits of the class that is asked for")
