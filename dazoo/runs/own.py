"""Settings of a run on a person's own pictures, where no scenario brings any; and the size that suits the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dazoo.data.sources import short_sides
from dazoo.engine.settings import Settings


OWN: Mapping[str, Any] = {"balance": True, "augment": "objects", "crop": True, "size": 96, "epochs": 10}
"""The weakest layer. Few pictures do not mean little training: an epoch has 100 steps at least (`Settings.steps_per_epoch`)."""

LEAST, MOST, STEP = 32, 128, 32
"""Sides in pixels for a network that starts at random: that of the pictures within these, in steps. A photo network (one that wants pictures
of at least `MOST`) gets `MOST` to what it wants."""

ENLARGED = 1.5
"""What the side of the pictures is multiplied by for a photo network, whose filters were learnt on larger things. PACS at 96 pixels, a linear
probe on frozen EfficientNet-Lite0 features of 378 photographs, accuracy on 42 others and on 280 sketches by the side that the network sees:
64: 83, 23; 96: 95, 26; 128: 91, 30; 160: 95, 37; 192: 100, 29; 224: 100, 24. Time grows with the square of the side."""


DRAWN = 64
"""Most pixels a side where a GAN draws the pictures: the size for which those here were made."""


def own_side(median: float, wanted: int) -> int:
    """The side of training pictures, pixels: about the pictures' own, since much larger ones cost time and show nothing more.

    Args:
        median: short side of the pictures, pixels.
        wanted: side that the backbone wants, such as 224 for weights that were trained so; 0 where it wants none.
    """
    if 0 < wanted <= MOST:
        return wanted
    low, high, side = (MOST, wanted, ENLARGED * median) if wanted else (LEAST, MOST, median)
    return int(min(max(-(-side // STEP) * STEP, low), high))


def rule_of_size(wanted: int, gan: bool = False) -> str:
    """The same in words, for who has no pictures yet."""
    if 0 < wanted <= MOST:
        return str(min(wanted, DRAWN) if gan else wanted)
    low, high = (MOST, wanted) if wanted else (LEAST, MOST)
    low, high = (min(low, DRAWN), min(high, DRAWN)) if gan else (low, high)
    return f"{low} to {high}, by your pictures" if low < high else str(low)


def shown_size(layers: Mapping[str, Mapping[str, Any]]) -> str:
    """The size that a recipe without a scenario gets, for who asks before there are pictures; `layers` as `settings_of_parts` gives them."""
    return rule_of_size(layers.get("backbone", {}).get("size", 0), gan="bridge" in layers)


def sized(settings: Settings, source: Any, target: Any, wanted: int, gan: bool = False) -> tuple[Settings, str]:
    """The settings with the size that suits the pictures, and a sentence about it; as they were where the pictures cannot be looked at.

    Args:
        source, target: see `Pictures`.
        wanted: see `own_side`. gan: whether a GAN draws such pictures.
    """
    sides = sorted([*short_sides(source), *short_sides(target)])
    if not sides:
        return settings, ""
    median = sides[len(sides) // 2]
    side = own_side(median, wanted)
    made = Settings.layered({**vars(settings), "size": min(side, DRAWN) if gan else side})
    how = "the short side resized and the middle cut out" if settings.crop else "both sides squashed to it"
    return made, f"Pictures: {made.size}x{made.size} pixels ({how}); their short side is {median} (median). Another: --set size=N."
