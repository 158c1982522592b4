"""Losses are computed in float32 or better, whatever autocast does around them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from typing import ParamSpec
from typing import TypeVar

import torch
from torch import Tensor


P = ParamSpec("P")
R = TypeVar("R")


def widen(value: Any) -> Any:
    """A 16-bit floating tensor as float32; anything else as it is."""
    narrow = isinstance(value, Tensor) and value.is_floating_point() and value.element_size() < 4
    return value.float() if narrow else value


def full_precision(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: widen 16-bit tensor arguments and switch autocast off inside.

    Logarithms of probabilities near 1, sums over a batch and differences of squared distances lose their meaning in bfloat16
    (8 bits of mantissa), and autocast would send every matrix product back to it.
    """

    @wraps(function)
    def wide(*args: P.args, **kwargs: P.kwargs) -> R:
        device = next((a.device.type for a in (*args, *kwargs.values()) if isinstance(a, Tensor)), "cpu")
        with torch.autocast(device, enabled=False):
            return function(*(widen(a) for a in args), **{name: widen(a) for name, a in kwargs.items()})

    return wide
