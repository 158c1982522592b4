"""Made-up pictures, and what drawn ones must be like."""

from __future__ import annotations

import torch
from torch import Tensor


def pictures(n: int, channels: int, height: int, width: int, *, seed: int = 0) -> Tensor:
    """Noise (n, channels, height, width) in [-1, 1], the same for the same seed."""
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def check_drawn(who: str, drawn: Tensor, shape: tuple[int, ...]) -> None:
    """Hold what somebody has drawn against the shape that was asked for, and against the range of pictures.

    Raises:
        AssertionError: it is something else.
    """
    assert isinstance(drawn, Tensor) and drawn.shape == shape, f"{who} draws {tuple(getattr(drawn, 'shape', ()))}; expected {shape}."
    drawn = drawn.detach()
    assert drawn.isfinite().all(), f"{who} draws values that are not finite."
    assert drawn.abs().max() <= 1 + 1e-4, f"{who} draws values outside [-1, 1]; end the generator in tanh."
    at_one_end = (
        drawn.min() == drawn.max() or drawn.min() > 0.9
    )  # an untrained last layer of zeros, a white silhouette: no word on the range
    assert drawn.min() < 0 or at_one_end, (
        f"{who} draws values from {float(drawn.min()):.2f} to {float(drawn.max()):.2f}, and none below 0: pictures are in [-1, 1] and not "
        "in [0, 1]; end the generator in tanh, not in a sigmoid."
    )
