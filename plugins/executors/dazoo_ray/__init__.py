"""Plugin: `ray`, the cells of a benchmark on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_executors(register: Callable[..., None]) -> None:
    register("ray", "dazoo_ray.executor:RayExecutor", summary="A Ray cluster, or this machine through Ray; GPUs in fractions")
