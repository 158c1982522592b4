"""Plugin: `wandb`, a run in Weights & Biases."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_loggers(register: Callable[..., None]) -> None:
    register("wandb", "dazoo_wandb.logger:WandB", summary="A run in Weights & Biases")
