"""Optimiser settings that backbones, methods and GANs give for their groups of parameters."""

from __future__ import annotations

from typing import TypedDict


class OptimizerSettings(TypedDict, total=False):
    """Optimiser settings of one parameter group, over the run's own.

    Keys: `optimizer` ("adamw", "adam", "sgd"), `lr` or `lr_factor` (a factor on the run's lr), `weight_decay`, `momentum` (sgd), `betas`
    (adam, adamw). Any other key is an error.
    """

    optimizer: str
    lr: float
    lr_factor: float
    weight_decay: float
    momentum: float
    betas: tuple[float, float]
