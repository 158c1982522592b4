"""Plugin: `dann` and `cdan`, features that a domain critic cannot tell apart."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_methods(register: Callable[..., None]) -> None:
    register("dann", "dazoo_adversarial.method:DANN", summary="Domain-adversarial training (Ganin et al. 2016)")
    register("cdan", "dazoo_adversarial.method:CDAN", summary="Conditional adversarial adaptation with entropy weights (Long et al. 2018)")
