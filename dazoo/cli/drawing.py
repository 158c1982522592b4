"""A picture with what a model sees where: boxes around what passes, and a heat map of each class that was found."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from dazoo.data import read_picture
from dazoo.errors import DazooError


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dazoo.models.model import Model
    from dazoo.models.places import Place
    from dazoo.models.places import Scene

MAPS = 3
"""Classes whose heat maps are drawn."""


def draw_dense(model: Model, picture: Any, out: Path, **wanted: Any) -> Scene:
    """Write what a model sees in one picture as a file; matplotlib knows the kind from its ending.

    Args:
        wanted: see `Model.places`.

    Raises:
        PictureError: a picture that cannot be read, or that is smaller than the network takes.
        DazooError: the file cannot be written.
    """
    pixels = read_picture(picture, channels=3)
    scene = model.places(pixels, **wanted)
    figure = paint(model, pixels, scene)
    try:
        figure.savefig(out, dpi=110)
    except (OSError, ValueError) as exc:
        raise DazooError(f"{out} cannot be written: {exc}") from exc
    return scene


def paint(model: Model, picture: np.ndarray, scene: Scene) -> Figure:
    """The picture with its boxes above, and beneath it the heat maps of the classes that were found, with a colour bar."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = picture.shape[:2]
    shown = classes_shown(scene)
    wide = float(np.clip(width / 80, 6.0, 14.0))
    tall = wide * height / width
    small = tall / max(1.4, len(shown) or 1)
    figure = Figure(figsize=(wide, min(20.0, tall + (small + 0.6 if shown else 0) + 0.7)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(textwrap.fill(sentence(scene), int(13 * wide)), fontsize=9, x=0.01, ha="left")
    if not shown:
        paint_places(figure.subplots(), picture, scene)
        return figure
    parts: Any = figure.subfigures(2, 1, height_ratios=(tall, small + 0.4))
    upper, lower = parts
    paint_places(upper.subplots(), picture, scene)
    panels = lower.subplots(1, len(shown), squeeze=False)[0]
    grey = picture.mean(-1)
    for axes, k in zip(panels, shown, strict=True):
        axes.imshow(grey, extent=(0, width, height, 0), cmap="gray", vmin=0, vmax=340)
        heat = 100 * scene.heat[k].numpy()
        layer = axes.imshow(
            np.ma.masked_less(heat, 1), extent=(0, width, height, 0), cmap="inferno", vmin=0, vmax=100, alpha=0.75, interpolation="nearest"
        )
        axes.set_title(textwrap.shorten(model.classes[k], 40, placeholder="..."), fontsize=8)
        axes.set_axis_off()
    lower.colorbar(layer, ax=panels, label="score, %", shrink=0.9, pad=0.01)
    return figure


def paint_places(
    axes: Axes, picture: np.ndarray, scene: Scene, *, shown: np.ndarray | None = None, edge: Callable[[Place], str] | None = None
) -> None:
    """The picture with a box around each place, and its class and score.

    Args:
        axes: where to draw.
        picture: (H, W, 3) uint8, as the model got it.
        shown: the same picture, perhaps in a higher resolution, to draw beneath.
        edge: colour of a box and its label.
    """
    from matplotlib.patches import Rectangle

    height, width = picture.shape[:2]
    axes.imshow(picture if shown is None else shown, extent=(0, width, height, 0), interpolation="bilinear")
    for place in scene.places:
        colour = "#c2185b" if edge is None else edge(place)
        left, top, right, bottom = place.box
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=2))
        above = top > 0.06 * height
        side = "left" if right + left < 0.6 * width else "right" if right + left > 1.4 * width else "center"
        familiar = "" if place.familiar is None else f", familiar {100 * place.familiar:.0f} %"
        axes.text(
            {"left": max(0.0, left), "right": min(float(width), right), "center": (left + right) / 2}[side],
            top - 0.008 * height if above else bottom + 0.008 * height,
            f"{place.label} {100 * place.score:.0f} %{familiar}",
            ha=side,
            va="bottom" if above else "top",
            fontsize=8,
            color="white",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
        )
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()


def classes_shown(scene: Scene) -> list[int]:
    """Classes whose heat maps are drawn: those of the places, best first."""
    return list(dict.fromkeys(p.index for p in scene.places))[:MAPS]


def sentence(scene: Scene) -> str:
    """What the picture shows, in plain words."""
    smallest, largest = (f"{side:.0f}" for side in (scene.sizes[0], scene.sizes[-1])) if scene.sizes else ("0", "0")
    looked = f"Looked at windows of {smallest} to {largest} pixels."
    if scene.near is None:
        return (
            f"{looked} This model cannot say 'none of these': every window belongs to some class, so a box says little. "
            "'dazoo calibrate' mends that."
        )
    like = f"more like the training pictures than {100 * scene.near:.0f} % of the held-out source pictures are"
    if not scene.places:
        return f"{looked} None is {like}: there is nothing here that the model knows."
    number = "One place is" if len(scene.places) == 1 else f"{len(scene.places)} places are"
    return f"{looked} {number} {like}. A box may still have the wrong class; what has none may be an object that looks unlike the source's."
