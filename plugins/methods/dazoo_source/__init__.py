"""Plugin: `source`, no adaptation."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_methods(register: Callable[..., None]) -> None:
    register("source", "dazoo_source.method:Source", summary="No adaptation: the source labels alone")
