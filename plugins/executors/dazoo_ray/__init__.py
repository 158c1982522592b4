"""Plugin: `ray`, the cells of a benchmark on a Ray cluster."""

from __future__ import annotations

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_executors(register) -> None:
    register("ray", "dazoo_ray.executor:RayExecutor", summary="A Ray cluster, or this machine through Ray; GPUs in fractions")
