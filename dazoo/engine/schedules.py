"""Learning-rate factors as functions of progress, so that they survive a resume and do not know how long a run is."""

from __future__ import annotations

import math
from collections.abc import Callable


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda p: 1.0,
    "cosine": lambda p: 0.5 * (1 + math.cos(math.pi * p)),
    "linear": lambda p: 1.0 - p,
    "inverse": lambda p: (1 + 10 * p) ** -0.75,  # Ganin et al., JMLR 2016
}


def rate(name: str, progress: float, warmup: float) -> float:
    """Factor on the learning rate at `progress` in [0, 1], rising from 0 over the first `warmup` of the run."""
    rise = min(1.0, (progress + 1e-3) / warmup) if warmup else 1.0
    return rise * SCHEDULES[name](progress)
