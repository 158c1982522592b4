"""The executors that come with the core, registered the way every plugin registers its own."""

from __future__ import annotations

from collections.abc import Callable

from dazoo.registry.hookspecs import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_executors(register: Callable[..., None]) -> None:
    register("local", "dazoo.bench.local:LocalExecutor", summary="Processes on this machine, packed by measured memory")
