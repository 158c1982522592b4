"""Pictures of signs: choose everything about each (`plan`), then draw a batch of plans at once (`develop`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dazoo.errors import SettingsError
from dazoo_signs.synsigns.background import Backdrop
from dazoo_signs.synsigns.background import backdrop
from dazoo_signs.synsigns.background import paint_backdrops
from dazoo_signs.synsigns.camera import Shot
from dazoo_signs.synsigns.camera import expose
from dazoo_signs.synsigns.camera import light_ground
from dazoo_signs.synsigns.camera import light_sign
from dazoo_signs.synsigns.camera import shot
from dazoo_signs.synsigns.classes import CLASSES
from dazoo_signs.synsigns.classes import DESIGNS
from dazoo_signs.synsigns.classes import VARIANTS
from dazoo_signs.synsigns.classes import Design
from dazoo_signs.synsigns.dice import Dice
from dazoo_signs.synsigns.raster import coverage
from dazoo_signs.synsigns.shapes import outline
from dazoo_signs.synsigns.shapes import turn
from dazoo_signs.synsigns.sign import Painted
from dazoo_signs.synsigns.sign import paint
from dazoo_signs.synsigns.styles import STYLES
from dazoo_signs.synsigns.styles import Style


if TYPE_CHECKING:
    from dazoo.contracts.images import ImageSet

BATCH = 32
"""Pictures drawn at once; more is no faster, and the memory grows."""


@dataclass(frozen=True)
class Plan:
    """All choices of one picture; outlines are in picture coordinates 0..1."""

    backdrop: Backdrop
    signs: tuple[tuple[Painted, Painted], ...]
    front: Painted
    shot: Shot


def design_of(class_index: int, variant: str, dice: Dice) -> Design:
    """One of the class's designs in this variant.

    Raises:
        SettingsError: no such variant or class.
    """
    if variant not in VARIANTS:
        raise SettingsError(f"Unknown variant {variant!r}; the sign renderer draws {', '.join(VARIANTS)}.")
    if not 0 <= class_index < len(CLASSES):
        raise SettingsError(f"Class {class_index} does not exist; there are {len(CLASSES)} classes, 0 to {len(CLASSES) - 1}.")
    designs = DESIGNS[CLASSES[class_index]][VARIANTS.index(variant)]
    return dice.weighted([(d.weight, d) for d in designs])


def placed(layers: Painted, matrix: np.ndarray) -> Painted:
    """The layers' outlines through a 3x3 homography."""
    out = []
    for colour, edges in layers:
        x, y = edges[..., 0], edges[..., 1]
        u, v, w = (m[0] * x + m[1] * y + m[2] for m in matrix.tolist())
        out.append((colour, np.stack([u / w, v / w], axis=-1)))
    return out


def pose(dice: Dice, style: Style, x: float, y: float, half_x: float, half_y: float) -> np.ndarray:
    """A random homography from the plate's frame to a spot in the picture, (3, 3)."""
    c, s = turn(dice.around(style.spin))
    shear, tilt_x, tilt_y = dice.around(style.shear), dice.around(style.tilt), dice.around(style.tilt)
    turned = np.array([[c, -s + shear, 0.0], [s, c, 0.0], [tilt_x, tilt_y, 1.0]])
    rows = [[half_x * turned[0, k] + x * turned[2, k] for k in range(3)], [half_y * turned[1, k] + y * turned[2, k] for k in range(3)]]
    return np.array([*rows, turned[2].tolist()])


def _front(dice: Dice) -> Painted:
    """Twigs and leaves before the sign."""
    layers: Painted = []
    for _ in range(int(dice.between(1, 4)) if dice.chance(0.12) else 0):
        x, y, dx, dy, w = dice.unit(), dice.between(-0.1, 0.3), dice.around(0.5), dice.between(0.1, 0.5), dice.between(0.008, 0.05)
        leaf = np.array([(x - w, y), (x + w, y), (x + dx + w, y + dy), (x + dx, y + dy + w), (x + dx - w, y + dy)])
        layers.append(((dice.between(20, 90), dice.between(30, 110), dice.between(15, 60)), outline(leaf)))
    return layers


def plan(class_index: int, *, variant: str, rng: np.random.Generator, size: int = 48) -> Plan:
    """Choose everything about one picture of a sign that fills the crop, as GTSRB's crops do.

    Raises:
        SettingsError: no such variant or class.
    """
    dice = Dice(rng)
    design, style = design_of(class_index, variant, dice), STYLES[variant]
    half = dice.within(style.half)
    x, y = 0.5 + dice.around(style.shift), 0.5 + dice.around(style.shift)
    half_x, half_y = half * (1 + dice.around(0.08)), half * (1 + dice.around(0.08))
    matrix = pose(dice, style, x, y, half_x, half_y)
    behind, layers = paint(design, style, dice)
    ground = backdrop(dice, variant, x, y + half_y)
    sign = (placed(behind, matrix), placed(layers, matrix))
    return Plan(ground, (sign,), _front(dice), shot(dice, style, size, size))


def _over(canvas: np.ndarray, layers: Sequence[Painted], masks: list[np.ndarray]) -> None:
    """Paint each picture's layers over its canvas, in place; `masks` holds the coverage of each picture's layers."""
    for depth in range(max((len(m) for m in masks), default=0)):
        rows = [i for i, m in enumerate(masks) if depth < len(m)]
        colours = np.array([layers[i][depth][0] for i in rows], np.float32)[:, None, None]
        cover = np.stack([masks[i][depth] for i in rows])[..., None]
        canvas[rows] += cover * (colours - canvas[rows])


def develop(plans: Sequence[Plan], height: int, width: int) -> np.ndarray:
    """Draw plans of one size, (N, height, width, 3) uint8. A picture does not depend on the others in the call."""
    groups = [
        [p.backdrop.shapes for p in plans],
        [[layer for behind, _ in p.signs for layer in behind] for p in plans],
        [[layer for _, layers in p.signs for layer in layers] for p in plans],
        [p.front for p in plans],
        [[((255.0, 255.0, 255.0), layers[0][1]) for _, layers in p.signs] for p in plans],
    ]
    scale = np.array([width, height], np.float64)
    flat = [edges * scale for group in groups for layers in group for _, edges in layers]
    cover, at = coverage(flat, height, width), 0
    masks: list[list[np.ndarray]] = []
    for group in groups:
        masks.append([])
        for layers in group:
            masks[-1].append(cover[at : at + len(layers)])
            at += len(layers)
    shots = [p.shot for p in plans]
    canvas = paint_backdrops([p.backdrop for p in plans], height, width)
    _over(canvas, groups[0], masks[0])
    canvas = np.clip(light_ground(shots, np.clip(canvas, 0, 255)), 0, 255)
    board = np.zeros_like(canvas)
    _over(board, groups[1], masks[1])
    plate = board.copy()
    _over(plate, groups[2], masks[2])
    plate = light_sign(shots, plate)
    silhouette = np.stack([1 - np.prod([1 - m for m in (*a, *b)], axis=0) for a, b in zip(masks[1], masks[4], strict=True)])[..., None]
    canvas += silhouette * (plate - canvas)
    _over(canvas, groups[3], masks[3])
    return expose(shots, canvas)


def render(class_index: int, *, variant: str, rng: np.random.Generator, size: int = 48) -> np.ndarray:
    """One picture of one class, (size, size, 3) uint8 RGB.

    Args:
        class_index: position in `CLASSES`.
        variant: "vienna" or "indian".
        rng: source of all choices.
        size: pixels per side.

    Raises:
        SettingsError: no such variant or class.
    """
    return develop([plan(class_index, variant=variant, rng=rng, size=size)], size, size)[0]


def generator(variant: str, split: str, seed: int, index: int) -> np.random.Generator:
    """The generator of one picture of a set: a function of its place alone."""
    stream = [VARIANTS.index(variant), *split.encode()]
    return np.random.Generator(np.random.PCG64([seed, index, *stream]))


def draw(
    n: int, *, variant: str, seed: int = 0, size: int = 48, classes: Sequence[str] = CLASSES, split: str = "train"
) -> tuple[np.ndarray, np.ndarray]:
    """`n` pictures and their labels, classes in turn; picture i does not depend on `n`.

    Returns:
        (n, size, size, 3) uint8 and (n,) int64 positions in `classes`.

    Raises:
        SettingsError: an unknown variant or class, or a number or size that is not positive.
    """
    if variant not in VARIANTS:
        raise SettingsError(f"Unknown variant {variant!r}; the sign renderer draws {', '.join(VARIANTS)}.")
    unknown = [name for name in classes if name not in CLASSES]
    if unknown or not classes:
        raise SettingsError(f"Cannot draw the classes {unknown or list(classes)}; the sign renderer draws {', '.join(CLASSES)}.")
    if n < 1 or size < 16 or seed < 0:
        raise SettingsError(f"Cannot draw {n} pictures of {size} px, seed {seed}; expected at least 1 picture, 16 px, seed 0.")
    labels = np.arange(n, dtype=np.int64) % len(classes)
    images = np.empty((n, size, size, 3), np.uint8)
    for start in range(0, n, BATCH):
        indices = range(start, min(n, start + BATCH))
        plans = [
            plan(CLASSES.index(classes[labels[i]]), variant=variant, rng=generator(variant, split, seed, i), size=size) for i in indices
        ]
        images[start : start + len(plans)] = develop(plans, size, size)
    return images, labels


def render_set(n: int, *, variant: str, seed: int = 0, size: int = 48, classes: Sequence[str] = CLASSES, split: str = "train") -> ImageSet:
    """`draw` as an image set named `synsigns_<variant>`; raises what `draw` raises."""
    from dazoo.contracts.images import ImageSet

    images, labels = draw(n, variant=variant, seed=seed, size=size, classes=classes, split=split)
    return ImageSet(f"synsigns_{variant}", images, labels, tuple(classes))
