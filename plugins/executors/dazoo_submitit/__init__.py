"""Plugin: `submitit`, the cells of a benchmark as Slurm arrays."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_executors(register: Callable[..., None]) -> None:
    register("submitit", "dazoo_submitit.executor:SubmititExecutor", summary="Slurm arrays that survive preemption")
