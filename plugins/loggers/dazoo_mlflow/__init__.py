"""Plugin: `mlflow`, a run in MLflow."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_loggers(register: Callable[..., None]) -> None:
    register("mlflow", "dazoo_mlflow.logger:MLflow", summary="A run in MLflow")
