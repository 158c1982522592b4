"""Plugin: `mcd`, two classifiers that disagree on the target."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_methods(register: Callable[..., None]) -> None:
    register("mcd", "dazoo_discrepancy.method:MCD", summary="Maximum classifier discrepancy (Saito et al. 2018)")
