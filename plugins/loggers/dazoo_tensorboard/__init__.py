"""Plugin: `tensorboard`, the curves of a run in TensorBoard."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_loggers(register: Callable[..., None]) -> None:
    register("tensorboard", "dazoo_tensorboard.logger:TensorBoard", summary="Event files for TensorBoard in the run's folder")
