"""The core's bridges, registered by the road that every plugin takes."""

from __future__ import annotations

from dazoo.registry.hookspecs import Register
from dazoo.registry.hookspecs import hookimpl


dazoo_api = 1


@hookimpl
def dazoo_register_bridges(register: Register) -> None:
    register(
        "generate_to_adapt",
        "dazoo.bridges.generate_to_adapt:GenerateToAdapt",
        summary="Pictures from features, whose realism shapes the backbone (Sankaranarayanan et al. 2018)",
    )
    register("translate", "dazoo.bridges.translate:Translate", summary="Source pictures in the target's style (Hoffman et al. 2018)")
    register("synthesize", "dazoo.bridges.synthesize:Synthesize", summary="Labelled pictures drawn by class join the source batch")
