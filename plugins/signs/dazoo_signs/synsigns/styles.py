"""What differs between the variants beside the pictograms: colours, proportions, pose, light and camera."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

from dazoo_signs.synsigns.dice import Range


Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Style:
    """Ranges that a picture is drawn from; lengths are shares of the plate's half size or of the picture's side.

    Attributes:
        red, white, black, blue: paints, all equally likely.
        rim: chance of a thin outer rim.
        ring: inner radius of a red ring.
        band: width of a warning triangle's red band.
        corner: how round a triangle's corners are.
        slash: width of the bar across a picture.
        bold, head: stroke width and arrow head, by the table's.
        warp: bending of the pictogram.
        half: half size of the sign in the crop.
        shift, spin, shear, tilt: offset, rotation (degrees), shear and perspective, largest absolute value.
        backing: chance of a rectangular board behind the plate.
        fade: how far paint has faded.
        dirt: strength of stains.
        exposure: light on the sign and on the ground behind it.
        curve: tone curve, negative darkens the mid tones.
        cast: colour cast, largest share, and `warm` added to red and taken from blue.
        blur: standard deviation in pixels at 48 px.
        coarse: chance of an upscaled small picture, and the smallest share of the side.
        sharpen: halo of phone cameras.
        noise: standard deviation of sensor noise, 0-255 scale.
        jpeg: coarsest quantisation step.
    """

    red: tuple[Colour, ...]
    white: tuple[Colour, ...]
    black: tuple[Colour, ...]
    blue: tuple[Colour, ...]
    rim: float
    ring: Range
    band: Range
    corner: Range
    slash: Range
    bold: Range
    head: Range
    warp: float
    half: Range
    shift: float
    spin: float
    shear: float
    tilt: float
    backing: float
    fade: Range
    dirt: Range
    exposure: Range
    curve: Range
    cast: float
    warm: Range
    blur: Range
    coarse: tuple[float, float]
    sharpen: Range
    noise: Range
    jpeg: Range
    boards: tuple[Colour, ...] = field(default=((235, 235, 230), (20, 20, 22), (30, 80, 170), (245, 200, 30)))


STYLES: dict[str, Style] = {
    "vienna": Style(
        red=((190, 25, 35), (205, 45, 35), (175, 30, 40)),
        white=((240, 240, 240), (225, 228, 235)),
        black=((20, 20, 24), (35, 35, 42)),
        blue=((20, 70, 160), (25, 85, 180)),
        rim=0.8, ring=(0.7, 0.78), band=(0.15, 0.2), corner=(0.06, 0.12), slash=(0.1, 0.16),
        bold=(0.92, 1.1), head=(0.95, 1.08), warp=0.03,
        half=(0.36, 0.43), shift=0.05, spin=8.0, shear=0.08, tilt=0.12, backing=0.05,
        fade=(0.0, 0.12), dirt=(0.0, 0.15), exposure=(0.25, 1.35), curve=(-0.5, 0.4), cast=0.08, warm=(-0.1, 0.04),
        blur=(0.3, 1.4), coarse=(0.6, 0.35), sharpen=(0.0, 0.4), noise=(1.0, 6.0), jpeg=(0.0, 0.0),
    ),
    "indian": Style(
        red=((215, 30, 40), (225, 60, 35), (200, 25, 70), (180, 30, 40), (222, 85, 70), (240, 40, 30)),
        white=((245, 245, 242), (228, 226, 215), (235, 225, 190), (215, 220, 228)),
        black=((22, 22, 25), (38, 40, 60), (55, 52, 52), (15, 20, 50)),
        blue=((15, 65, 175), (25, 110, 215), (30, 55, 120), (60, 120, 190)),
        rim=0.45, ring=(0.66, 0.88), band=(0.11, 0.26), corner=(0.03, 0.16), slash=(0.08, 0.22),
        bold=(0.75, 1.3), head=(0.8, 1.25), warp=0.09,
        half=(0.42, 0.53), shift=0.05, spin=9.0, shear=0.12, tilt=0.22, backing=0.15,
        fade=(0.0, 0.55), dirt=(0.0, 0.5), exposure=(0.5, 1.2), curve=(-0.5, 0.5), cast=0.07, warm=(-0.05, 0.12),
        blur=(0.2, 0.9), coarse=(0.3, 0.5), sharpen=(0.0, 1.0), noise=(0.5, 8.0), jpeg=(0.0, 28.0),
    ),
}  # fmt: skip
"""Style of each variant."""
