"""Plugin: `mean_teacher`, training on the predictions of an averaged network."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_methods(register: Callable[..., None]) -> None:
    register(
        "mean_teacher",
        "dazoo_prediction.method:MeanTeacher",
        summary="Self-training from an averaged teacher, balanced (French et al. 2018)",
    )
