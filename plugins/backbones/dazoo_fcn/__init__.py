"""Plugin: `fcn`, a fully convolutional classifier."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_backbones(register: Callable[..., None]) -> None:
    summary = "Fully convolutional classifier with 1x1 convolutions (FCN 2015, NIN 2014)"
    register("fcn", "dazoo_fcn.network:FCN", summary=summary, start=1)
