"""Plugin: `trackio`, a run in Hugging Face's trackio."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_loggers(register: Callable[..., None]) -> None:
    register("trackio", "dazoo_trackio.logger:Trackio", summary="A run in Hugging Face's trackio, on this machine or in a Space")
