"""Handwritten digits: MNIST, USPS and MNIST-M, and the scenarios between them."""

from __future__ import annotations

from dazoo import hookimpl


dazoo_api = 1

_SCENARIO = "dazoo.contracts.dataset:Scenario"


@hookimpl
def dazoo_register_datasets(register):
    register("mnist", "dazoo_digits.digits:MNIST", summary="Handwritten digits, 28x28 grey (LeCun et al. 1998)")
    register("usps", "dazoo_digits.digits:USPS", summary="Digits from American envelopes, 16x16 grey (Hull 1994)")


@hookimpl
def dazoo_register_scenarios(register):
    grey = {"size": 28, "channels": 1}
    register("mnist2usps", _SCENARIO, summary="MNIST to USPS", source="mnist", target="usps", settings=grey)
    register("usps2mnist", _SCENARIO, summary="USPS to MNIST", source="usps", target="mnist", settings=grey)
