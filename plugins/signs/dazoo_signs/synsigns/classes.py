"""The 22 classes and how each is drawn in both styles."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace

from dazoo_signs.synsigns import pictograms as p
from dazoo_signs.synsigns.glyphs import text
from dazoo_signs.synsigns.pictograms import Pictogram
from dazoo_signs.synsigns.shapes import drawing
from dazoo_signs.synsigns.shapes import moved


@dataclass(frozen=True)
class Design:
    """One way to draw a class.

    Attributes:
        plate: form of the plate, a key of `plates.PLATES`.
        pictures: pictograms, all equally likely.
        y: height of the pictogram's middle in the plate (the plate is -1..1).
        scale: half height of the pictogram.
        stretch: its width by its height.
        mirror: draw it mirrored.
        flips: how often it is mirrored where the class does not mind.
        slash: "rising" or "falling" bar across it, or None.
        weight: how often this design, beside the others of its class.
    """

    plate: str
    pictures: tuple[Pictogram, ...] = ((),)
    y: float = 0.0
    scale: float = 0.5
    stretch: float = 1.0
    mirror: bool = False
    flips: float = 0.0
    slash: str | None = None
    weight: float = 1.0


def _number(digits: str, style: str, pens: tuple[float, ...]) -> tuple[Pictogram, ...]:
    return tuple((("black", text(digits, pen, gap, style)),) for pen in pens for gap in (0.06, 0.18))


def _words(colour: str, top: str, below: str = "") -> tuple[Pictogram, ...]:
    if not below:
        return tuple(((colour, text(top, pen, gap)),) for pen in (0.3, 0.42) for gap in (0.08, 0.2))
    return tuple(
        ((colour, drawing(moved(text(top, pen, 0.12), 0, -0.55, 0.42), moved(text(below, pen, 0.12), 0, 0.5, share))),)
        for pen in (0.34, 0.48)
        for share in (0.32, 0.4)
    )


def _ring(digits: str) -> tuple[tuple[Design, ...], tuple[Design, ...]]:
    vienna = Design("ring", _number(digits, "din", (0.28, 0.34)), scale=0.36)
    thin = Design("ring", _number(digits, "din", (0.3, 0.4)), scale=0.4, weight=0.5)
    wide = Design("ring", _number(digits, "gothic", (0.32, 0.4, 0.48)), scale=0.4, stretch=1.12, weight=1.5)
    return (vienna,), (wide, thin)


def _warning(pictures: tuple[Pictogram, ...], scale: float = 0.36, y: float = 0.3, stretch: float = 1.0, flips: float = 0.0) -> Design:
    return Design("warning", pictures, y=y, scale=scale, stretch=stretch, flips=flips)


def _mirrored(designs: tuple[Design, ...]) -> tuple[Design, ...]:
    return tuple(replace(d, mirror=not d.mirror) for d in designs)


_CURVE_V = (_warning((p.CURVE_BEAK,), 0.34, 0.32),)
_CURVE_I = (_warning((p.CURVE_ARROW, p.CURVE_SWEEP, p.CURVE_WIDE, p.CURVE_ARROW), 0.42, 0.27), replace(_CURVE_V[0], weight=0.2))
_TURN_V = (Design("blue", (p.TURN_ROUND,), scale=0.62),)
_TURN_I = (Design("blue", (p.TURN_ROUND, p.TURN_SQUARE, p.TURN_SWEEP, p.TURN_THIN), scale=0.66),)
_FORK_V = (Design("blue", (p.FORK_SQUARE, p.FORK_ROUND), scale=0.66),)
_FORK_I = (Design("blue", (p.FORK_SQUARE, p.FORK_ROUND, p.FORK_STUB, p.FORK_SWING), scale=0.64),)

DESIGNS: dict[str, tuple[tuple[Design, ...], tuple[Design, ...]]] = {
    "Speed limit 20": _ring("20"),
    "Speed limit 30": _ring("30"),
    "Speed limit 60": _ring("60"),
    "No overtaking": (
        (Design("ring", (p.TWO_CARS,), scale=0.64),),
        (
            Design("ring", (p.OVERTAKE, p.OVERTAKE_ROUND), scale=0.6, slash="rising"),
            Design("ring", (p.TWO_CARS,), scale=0.6, weight=0.12),
            Design("ring", (p.TWO_CARS,), scale=0.6, slash="rising", weight=0.06),
        ),
    ),
    "Give way": (
        (Design("yield"),),
        (Design("yield", _words("black", "GIVE", "WAY"), y=-0.38, scale=0.44), Design("yield", weight=0.12)),
    ),
    "Stop": (
        (Design("octagon", _words("white", "STOP"), scale=0.3, stretch=0.92),),
        (Design("octagon", _words("white", "STOP"), scale=0.32, stretch=0.96),),
    ),
    "Vehicles over 3.5 t prohibited": (
        (Design("ring", (p.TRUCK,), scale=0.54),),
        (
            Design("ring", (p.TRUCK, p.TRUCK_BONNET, p.VAN), scale=0.6, flips=0.35, slash="falling"),
            Design("ring", (p.TRUCK, p.TRUCK_BONNET), scale=0.6, flips=0.35, slash="rising", weight=0.25),
            Design("ring", (p.TRUCK, p.TRUCK_BONNET), scale=0.6, flips=0.35, weight=0.15),
        ),
    ),
    "No entry": (
        (Design("bar"),),
        (
            Design("ring", (p.STRAIGHT,), scale=0.58, slash="rising"),
            Design("ring", (p.STRAIGHT,), scale=0.58, slash="falling", weight=0.2),
            Design("bar", weight=0.15),
        ),
    ),
    "Dangerous curve left": (_mirrored(_CURVE_V), _mirrored(_CURVE_I)),
    "Dangerous curve right": (_CURVE_V, _CURVE_I),
    "Double curve, first left": (
        (_warning((p.DOUBLE_BLUNT,), 0.34, 0.28),),
        (_warning((p.DOUBLE_FOLD, p.DOUBLE_FLAT, p.DOUBLE_ROUND, p.DOUBLE_FOLD, p.DOUBLE_BLUNT), 0.42, 0.26),),
    ),
    "Bumpy road": (
        (_warning((p.BUMPS,), 0.4, 0.42),),
        (_warning((p.HUMP, p.HUMP_HIGH, p.BUMPS, p.BUMPS_ROUND, p.ROUGH), 0.42, 0.4),),
    ),
    "Slippery road": (
        (_warning((p.SKID,), 0.36, 0.3, flips=0.1),),
        (_warning((p.SKID, p.SKID_LEVEL, p.SKID_CROSSED), 0.42, 0.26, flips=0.4),),
    ),
    "Road work": (
        (_warning((p.WORKER,), 0.38, 0.28),),
        (_warning((p.WORKER, p.WORKER_BENT), 0.45, 0.26, flips=0.35),),
    ),
    "Pedestrians": (
        (_warning((p.PEDESTRIAN, p.PEDESTRIAN, p.PEDESTRIAN_STRIPES), 0.4, 0.25, flips=0.4),),
        (
            _warning((p.CROSSING, p.CROSSING_FAN, p.CROSSING_LOW, p.CROSSING_TALL), 0.5, 0.22, 0.95, flips=0.5),
            replace(_warning((p.PEDESTRIAN_STRIPES,), 0.46, 0.24), weight=0.15),
        ),
    ),
    "Children": (
        (_warning((p.CHILDREN, p.CHILDREN_RUN), 0.38, 0.28),),
        (_warning((p.CHILDREN, p.CHILDREN_WALK, p.RUNNER, p.CHILDREN_RUN), 0.44, 0.27, flips=0.5),),
    ),
    "Bicycles crossing": (
        (_warning((p.BICYCLE,), 0.42, 0.3, flips=0.1),),
        (_warning((p.BICYCLE, p.CYCLIST), 0.46, 0.26, flips=0.4),),
    ),
    "Turn right ahead": (_TURN_V, _TURN_I),
    "Turn left ahead": (_mirrored(_TURN_V), _mirrored(_TURN_I)),
    "Go straight or right": (_FORK_V, _FORK_I),
    "Go straight or left": (_mirrored(_FORK_V), _mirrored(_FORK_I)),
    "Keep left": (
        (Design("blue", (p.KEEP_LEFT_VIENNA,), scale=0.66),),
        (Design("blue", (p.KEEP_LEFT, p.KEEP_LEFT_THIN, p.KEEP_LEFT_FAT, p.KEEP_LEFT_VIENNA), scale=0.64),),
    ),
}
"""Class name: (Vienna designs, Indian designs)."""

CLASSES: tuple[str, ...] = tuple(DESIGNS)
VARIANTS: tuple[str, ...] = ("vienna", "indian")
