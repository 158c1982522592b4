"""Sheets of pictures as PNG or GIF files in memory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor


SIDE = 64
"""Pixels of a side that small pictures are enlarged to, so that a person sees them."""


def grid_png(images: Tensor, columns: int = 8) -> bytes:
    """Pictures (N, C, H, W) in [-1, 1] side by side, row by row."""
    return _bytes(Image.fromarray(sheet(images, columns)), "PNG")


def picture_png(image: Tensor) -> bytes:
    """One picture (C, H, W) in [-1, 1] at its own size."""
    pixels = ((image.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()  # (H, W, C)
    return _bytes(Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0]), "PNG")


def rows_png(*rows: Tensor) -> bytes:
    """One row of pictures (N, C, H, W) under another: what was given, what was made."""
    width = max(len(row) for row in rows)
    return _bytes(Image.fromarray(np.concatenate([sheet(row, width) for row in rows])), "PNG")


def walk_gif(frames: Tensor, columns: int = 8, milliseconds: int = 80) -> bytes:
    """Frames (T, N, C, H, W) as an animation of sheets."""
    pictures = [Image.fromarray(sheet(frame, columns)) for frame in frames]
    out = io.BytesIO()
    pictures[0].save(out, format="GIF", save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0)
    return out.getvalue()


def volumes_png(volumes: Tensor, titles: Sequence[str] = ()) -> bytes:
    """Volumes (N, d, d, d) in [0, 1] (depth, height, width) side by side, as solid voxels where they are above 0.5."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.4 * len(volumes), 2.6))
    FigureCanvasAgg(figure)
    for i, volume in enumerate(volumes):
        axes: Any = figure.add_subplot(1, len(volumes), i + 1, projection="3d")
        solid = (volume > 0.5).permute(2, 0, 1).flip(2).numpy()  # width, depth, height with up upwards
        axes.voxels(solid, facecolor="#4c8bc0", edgecolor="#1d3f5e", linewidth=0.2)
        axes.set_axis_off()
        if i < len(titles):
            axes.set_title(titles[i], fontsize=8)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()


def sheet(images: Tensor, columns: int) -> np.ndarray:
    """Pictures (N, C, H, W) in [-1, 1] as one (h, w, 3) uint8; pictures smaller than `SIDE` are enlarged by a whole factor."""
    pixels = ((images.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()  # (N, H, W, C)
    factor = max(1, SIDE // pixels.shape[1])
    pixels = np.repeat(np.repeat(np.broadcast_to(pixels, (*pixels.shape[:3], 3)) if pixels.shape[3] == 1 else pixels, factor, 1), factor, 2)
    n, h, w, _ = pixels.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    canvas = np.full((rows * (h + 2) + 2, columns * (w + 2) + 2, 3), 255, np.uint8)
    for i, picture in enumerate(pixels):
        top, left = 2 + i // columns * (h + 2), 2 + i % columns * (w + 2)
        canvas[top : top + h, left : left + w] = picture
    return canvas


def _bytes(picture: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    picture.save(out, format=kind, optimize=True)
    return out.getvalue()
