"""Plugin: `tent` and `tent_offline`, adaptation of a trained model to target pictures alone."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_methods(register: Callable[..., None]) -> None:
    register("tent", "dazoo_test_time.method:Tent", summary="Entropy minimisation over normalisation layers, online (Wang et al. 2021)")
    register("tent_offline", "dazoo_test_time.method:TentOffline", summary="The same, in five passes that are answered at the end")
