"""Pictures of class maps: what a model sees where in a picture larger than those it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from dazoo.data import read_picture
from dazoo.errors import DazooError


if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dazoo.models.model import Model


@dataclass(frozen=True)
class Peak:
    """A place where the class map is sure: class `label` (`index`), its probability, and the centre in pixels."""

    label: str
    index: int
    score: float
    x: float
    y: float


def window_map(model: Model, picture: np.ndarray) -> Tensor:
    """Class probabilities (K, h, w) of the window of the training size around each cell of the class map.

    The class map's cells see less than a whole object. The mean over a window of them is what the model computes for a
    crop of that size: a head is linear, and logits and log-probabilities differ by a number that all classes share.

    Args:
        picture: (H, W, 3) uint8.
    """
    cells = model.dense(picture).clamp_min(1e-12).log()  # (K, h, w)
    window = [max(1, round(model.size * n / side)) for n, side in zip(cells.shape[1:], picture.shape[:2], strict=True)]
    window = [n - 1 + n % 2 for n in window]  # odd, so that it has a middle
    mean = F.avg_pool2d(cells[None], window, stride=1, padding=[n // 2 for n in window], count_include_pad=False)[0]
    return mean.softmax(0)


def peaks(model: Model, scores: Tensor, shape: tuple[int, int], *, least: float = 0.8, most: int = 8) -> list[Peak]:
    """The surest places, no two of them within a window, best first.

    Args:
        scores: of `window_map`, (K, h, w).
        shape: height and width of the picture in pixels.
        least: smallest probability. most: largest number of them.
    """
    best, index = scores.max(0)  # (h, w)
    height, width = best.shape
    step_y, step_x = shape[0] / height, shape[1] / width
    left = best.clone()
    found: list[Peak] = []
    while len(found) < most and left.max() >= least:
        row, column = divmod(int(left.argmax()), width)
        k = int(index[row, column])
        found.append(Peak(model.classes[k], k, float(best[row, column]), (column + 0.5) * step_x, (row + 0.5) * step_y))
        reach_y, reach_x = (max(1, round(0.8 * model.size / step)) for step in (step_y, step_x))
        left[max(0, row - reach_y) : row + reach_y + 1, max(0, column - reach_x) : column + reach_x + 1] = 0
    return found


def paint_class_map(
    axes: Axes,
    model: Model,
    picture: np.ndarray,
    *,
    shown: np.ndarray | None = None,
    edge: Callable[[Peak], str] | None = None,
    least: float = 0.8,
    most: int = 8,
) -> list[Peak]:
    """The picture with its class map laid over it (one colour per class, stronger where surer) and its peaks named.

    Args:
        axes: where to draw.
        picture: (H, W, 3) uint8, as the model gets it.
        shown: the same picture, perhaps in a higher resolution, to draw beneath.
        edge: colour of a peak's frame and label; the class's own unless given.
        least, most: see `peaks`.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    scores = window_map(model, picture)
    height, width = picture.shape[:2]
    found = peaks(model, scores, (height, width), least=least, most=most)
    best, index = scores.max(0)
    colours = palette(len(model.classes))[index.numpy()]  # (h, w, 3)
    sure = ((best - least) / (1 - least)).clamp(0, 1).numpy()[..., None]
    layer = np.concatenate([colours, 0.55 * sure], axis=2)
    axes.imshow(picture if shown is None else shown, extent=(0, width, height, 0), interpolation="bilinear")
    axes.imshow(layer, extent=(0, width, height, 0), interpolation="bilinear")
    for peak in found:
        colour = np.array(palette(len(model.classes))[peak.index] * 0.7 if edge is None else to_rgb(edge(peak)))
        half = model.size / 2
        axes.add_patch(Rectangle((peak.x - half, peak.y - half), 2 * half, 2 * half, fill=False, edgecolor=colour, linewidth=2))
        axes.text(
            min(max(peak.x, 0.07 * width), 0.93 * width),
            max(peak.y - half - 4, 12),
            f"{peak.label} {100 * peak.score:.0f} %",
            ha="center",
            va="bottom",
            fontsize=8,
            color="white",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
        )
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return found


def palette(classes: int) -> np.ndarray:
    """Colours (K, 3) in [0, 1], neighbours far apart on the wheel."""
    from matplotlib.colors import hsv_to_rgb

    hue = (np.arange(classes) * 0.61803) % 1
    return hsv_to_rgb(np.stack([hue, np.full(classes, 0.85), np.full(classes, 0.95)], axis=1))


def draw_dense(model: Model, picture: Any, out: Path) -> list[Peak]:
    """Write the class map of one picture as a file; matplotlib knows the kind from its ending.

    Raises:
        PictureError: a picture that cannot be read, or that is smaller than the network takes.
        DazooError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    pixels = read_picture(picture, channels=3)
    height, width = pixels.shape[:2]
    figure = Figure(figsize=(max(4.0, width / 80), max(3.0, height / 80)), layout="constrained")
    FigureCanvasAgg(figure)
    found = paint_class_map(figure.subplots(), model, pixels)
    try:
        figure.savefig(out, dpi=160)
    except (OSError, ValueError) as exc:
        raise DazooError(f"{out} cannot be written: {exc}") from exc
    return found
