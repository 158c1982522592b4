"""Settings of a run on a person's own pictures, where no scenario brings any; and the size that suits the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dazoo.data.sources import short_sides
from dazoo.engine.settings import Settings


OWN: Mapping[str, Any] = {"balance": True, "augment": "objects", "crop": True, "size": 96, "epochs": 10, "steps_per_epoch": 100}
"""The weakest layer. The budget is one of optimiser steps, so that few pictures do not mean little training."""

LEAST, MOST, STEP = 32, 128, 16
"""Sides in pixels for a network that starts at random: that of the pictures within these, in steps. A photo network (one that wants pictures
of at least `MOST`) gets `MOST` to what it wants."""


def own_side(median: float, wanted: int) -> int:
    """The side of training pictures, pixels: about the pictures' own, since enlarged ones cost time and show nothing more.

    Args:
        median: short side of the pictures, pixels.
        wanted: side that the backbone wants, such as 224 for weights that were trained so; 0 where it wants none.
    """
    if 0 < wanted <= MOST:
        return wanted
    low, high = (MOST, wanted) if wanted else (LEAST, MOST)
    return int(min(max(-(-median // STEP) * STEP, low), high))


def rule_of_size(wanted: int) -> str:
    """The same in words, for who has no pictures yet."""
    if 0 < wanted <= MOST:
        return str(wanted)
    low, high = (MOST, wanted) if wanted else (LEAST, MOST)
    return f"{low} to {high}, by your pictures" if low < high else str(low)


def sized(settings: Settings, source: Any, target: Any, wanted: int) -> tuple[Settings, str]:
    """The settings with the size that suits the pictures, and a sentence about it; as they were where the pictures cannot be looked at.

    Args:
        source, target: see `Pictures`.
        wanted: see `own_side`.
    """
    sides = sorted([*short_sides(source), *short_sides(target)])
    if not sides:
        return settings, ""
    median = sides[len(sides) // 2]
    made = Settings.layered({**vars(settings), "size": own_side(median, wanted)})
    how = "the short side resized and the middle cut out" if settings.crop else "both sides squashed to it"
    return made, f"Pictures: {made.size}x{made.size} pixels ({how}); their short side is {median} (median). Another: --set size=N."
