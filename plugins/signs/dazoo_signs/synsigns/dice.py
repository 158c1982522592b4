"""Random choices for one picture, from uniform numbers alone, so that they are the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np


T = TypeVar("T")
Range = tuple[float, float]


class Dice:
    """Named draws from a generator. Only `random` and `bytes` of it are used: no distribution whose code may change."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._stock: list[float] = []

    def unit(self) -> float:
        """A number in [0, 1)."""
        if not self._stock:
            self._stock = self._rng.random(256).tolist()
        return self._stock.pop()

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self.unit()

    def within(self, limits: Range) -> float:
        """A number in a (low, high) range."""
        return limits[0] + (limits[1] - limits[0]) * self.unit()

    def around(self, spread: float) -> float:
        """A number around 0, triangular in (-spread, spread)."""
        return spread * (self.unit() - self.unit())

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.unit() < probability

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[int(self.unit() * len(options))]

    def weighted(self, options: Sequence[tuple[float, T]]) -> T:
        """One of the (weight, option) pairs; weights need not sum to 1."""
        point = self.unit() * sum(weight for weight, _ in options)
        for weight, option in options:
            point -= weight
            if point < 0:
                return option
        return options[-1][1]

    def noise(self, *shape: int) -> np.ndarray:
        """Uniform uint8 noise of this shape."""
        return np.frombuffer(self._rng.bytes(int(np.prod(shape))), dtype=np.uint8).reshape(shape)
