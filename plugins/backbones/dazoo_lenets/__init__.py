"""Plugin: `lenet` and `dtn`, the digit networks of the domain adaptation literature."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_backbones(register: Callable[..., None]) -> None:
    register("lenet", "dazoo_lenets.network:LeNet", summary="LeNet of the digit tables, 28x28 and up, 0.4 M parameters (CDAN 2018, TLlib)")
    register("dtn", "dazoo_lenets.network:DTN", summary="DTN of the digit tables, 32x32 and up, 3.1 M parameters (CDAN 2018, TLlib)")
