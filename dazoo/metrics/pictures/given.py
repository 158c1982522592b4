"""Sets of pictures as they are given, brought to one form: uint8 (N, C, H, W). Real pictures are stored in 8 bits, so drawn ones are
rounded to 8 bits too, and both go the same way from there.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dazoo.errors import DataError


FEWEST = 2
"""Pictures that a set needs: one has no covariance and no pair."""

SLACK = 1e-3
"""How far beyond [-1, 1] a float may be by rounding."""


def pixels_of(pictures: Any, whose: str, *, least: int = FEWEST) -> Tensor:
    """A set of pictures as uint8 (N, C, H, W) on the CPU.

    Args:
        pictures: a uint8 array (N, H, W, C), or a tensor (N, C, H, W), float in [-1, 1] or uint8; C 1 or 3.
        whose: what messages call them ("The real pictures").
        least: pictures that there must be.

    Raises:
        DataError: another type, shape or range, values that are not finite, too few pictures. The message says how to mend it.
    """
    if isinstance(pictures, Tensor):
        given = pictures.detach().cpu()
        kind, layout = str(given.dtype).removeprefix("torch."), "(N, C, H, W)"
        channels = given.shape[1] if given.ndim == 4 else 0
        good = given.dtype == torch.uint8 or given.is_floating_point()
    else:
        array = np.asarray(pictures)
        kind, layout = str(array.dtype), "(N, H, W, C)"
        channels = array.shape[3] if array.ndim == 4 else 0
        good = array.dtype == np.uint8
        given = torch.from_numpy(np.array(array)).permute(0, 3, 1, 2) if good and array.ndim == 4 else torch.empty(0)
    shape = tuple(pictures.shape) if hasattr(pictures, "shape") else ()
    if not good or channels not in (1, 3):
        raise DataError(
            f"{whose} are {kind} {shape}; expected a uint8 array (N, H, W, C), or a tensor (N, C, H, W), float in [-1, 1] or uint8, "
            f"with C 1 or 3{f': this was read as {layout}' if good and len(shape) == 4 else ''}."
        )
    if len(given) < least:
        raise DataError(f"{whose} are {len(given)}; at least {least} are needed, and some hundreds for a figure that means something.")
    if 0 in given.shape:
        raise DataError(f"{whose} have the shape {shape}, so they hold no pixel.")
    return given.contiguous() if given.dtype == torch.uint8 else _rounded(given, whose)


def floats_of(pixels: Tensor) -> Tensor:
    """uint8 (N, C, H, W) as float32 in [-1, 1]."""
    return pixels.float() / 127.5 - 1


def check_channels(real: Tensor, drawn: Tensor) -> None:
    """Raises DataError where one set is grey and the other in colour."""
    if real.shape[1] != drawn.shape[1]:
        raise DataError(f"The real pictures have {real.shape[1]} channel(s), the drawn ones {drawn.shape[1]}; both must have the same.")


def digest_of_pixels(pixels: Tensor) -> str:
    """sha256 over the shape and the values of uint8 pictures (N, C, H, W), in their order."""
    h = hashlib.sha256(repr(tuple(pixels.shape)).encode())
    for piece in pixels.split(1024):
        h.update(np.ascontiguousarray(piece.numpy()).data)
    return h.hexdigest()


def _rounded(images: Tensor, whose: str) -> Tensor:
    """Floats in [-1, 1] as uint8."""
    if not torch.isfinite(images).all():
        bad = int((~torch.isfinite(images).flatten(1).all(1)).sum())
        raise DataError(f"{whose} hold values that are not finite, in {bad} of {len(images)} pictures; has the generator diverged?")
    low, high = float(images.min()), float(images.max())
    if low < -1 - SLACK or high > 1 + SLACK:
        how = "give uint8, or pictures / 127.5 - 1" if low >= 0 and high <= 255.5 else "undo their normalisation, or clamp them"
        raise DataError(f"{whose} run from {low:g} to {high:g}; expected floats in [-1, 1]: {how}.")
    return ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).contiguous()


def remark_on_range(pictures: Any, whose: str) -> list[str]:
    """A sentence where floats look like [0, 1]."""
    if isinstance(pictures, Tensor) and pictures.is_floating_point() and pictures.numel():
        low, high = float(pictures.min()), float(pictures.max())
        if low >= 0 and high > 0.5:
            return [f"{whose} lie in [{low:.2g}, {high:.2g}], and dazoo takes [-1, 1]. If black is 0 in them, give 2 * pictures - 1."]
    return []
