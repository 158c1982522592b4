"""Figures of pairs, where each drawn picture has a real one that it should equal: super-resolution, colouring, filling holes, going there
and back, volumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.metrics.pictures.colour import ab_error
from dazoo.metrics.pictures.colour import luminance
from dazoo.metrics.pictures.extractor import Extractor
from dazoo.metrics.pictures.given import check_channels
from dazoo.metrics.pictures.given import digest_of_pixels
from dazoo.metrics.pictures.given import pixels_of
from dazoo.metrics.pictures.given import remark_on_range
from dazoo.metrics.pictures.libraries import torchmetrics
from dazoo.metrics.pictures.libraries import version_of
from dazoo.metrics.pictures.perceptual import lpips_like
from dazoo.metrics.pictures.protocol import Figure
from dazoo.metrics.pictures.protocol import Figures
from dazoo.metrics.pictures.protocol import Protocol


WHICH = ("psnr", "ssim", "mean_error", "ab_error", "lpips_like")
WINDOW = 11
"""Side of SSIM's Gaussian window, pixels (Wang et al. 2004)."""


def compare_pairs(
    real: Any,
    drawn: Any,
    *,
    which: Sequence[str] = ("psnr", "ssim"),
    channel: str = "rgb",
    border: int = 0,
    extractor: Extractor | None = None,
) -> Figures:
    """Compare each drawn picture with the real one at its place; each figure is the mean over the pictures.

    Args:
        real, drawn: uint8 arrays (N, H, W, C), or tensors (N, C, H, W), float in [-1, 1] or uint8, equal in shape.
        which: some of "psnr" (dB, infinite for equal pictures), "ssim", "mean_error" (mean absolute difference, of 255), "ab_error" (of
            Lab, over the pixels' distances) and "lpips_like" (needs an extractor with feature maps).
        channel: "rgb", or "y" for PSNR, SSIM and the mean error of luminance (BT.601, 16..235), as tables of super-resolution have it.
        border: pixels at each side that are left out, as many as the factor of enlargement in those tables.

    Raises:
        DataError: pictures of another kind, or that do not pair.
        SettingsError: an unknown figure or channel, no extractor where one is needed, or a library that is not installed.
    """
    names = list(dict.fromkeys([which] if isinstance(which, str) else which))
    if not names or set(names) - set(WHICH):
        raise SettingsError(f"which is {which!r}; expected some of {', '.join(WHICH)}.")
    if channel not in ("rgb", "y") or type(border) is not int or border < 0:
        raise SettingsError(f"channel is {channel!r} and border {border!r}; expected 'rgb' or 'y', and pixels of 0 or more.")
    if "lpips_like" in names and extractor is None:
        raise SettingsError("An LPIPS-like distance needs extractor=, one with feature maps such as vgg16_features.")
    a, b = pixels_of(real, "The real pictures", least=1), pixels_of(drawn, "The drawn pictures", least=1)
    check_channels(a, b)
    if a.shape != b.shape:
        raise DataError(f"The real pictures are {tuple(a.shape)}, the drawn ones {tuple(b.shape)} (N, C, H, W); pairs are equal in shape.")
    if 2 * border >= min(a.shape[2:]):
        raise DataError(f"A border of {border} pixels leaves nothing of pictures of {a.shape[2]}x{a.shape[3]}.")
    digest, remarks = digest_of_pixels(a), [*remark_on_range(real, "The real pictures"), *remark_on_range(drawn, "The drawn pictures")]
    inner = slice(border, -border or None)
    a, b = a[:, :, inner, inner], b[:, :, inner, inner]
    read = luminance if channel == "y" else Tensor.double
    figures = []
    for name in names:
        of_pixels = name in ("psnr", "ssim", "mean_error")
        library = "torchmetrics" if name in ("psnr", "ssim") else "dazoo"
        weights = extractor if name == "lpips_like" else None
        value = _value(name, read(a) if of_pixels else a, read(b) if of_pixels else b, extractor)
        protocol = Protocol(
            weights.name if weights else "",
            weights.digest if weights else "",
            0,
            "none",
            len(a),
            len(b),
            digest,
            0,
            library,
            version_of(library),
            f"{channel.upper() if of_pixels else 'RGB'}, border {border}",
        )
        figures.append(Figure(name, value, protocol))
    return Figures(tuple(figures), tuple(remarks))


def _value(name: str, a: Tensor, b: Tensor, extractor: Extractor | None) -> float:
    """One figure of real pictures `a` and drawn ones `b`: float64 of 0..255 for those of pixels, else uint8."""
    if name == "psnr":
        image = torchmetrics("functional.image")
        return image.peak_signal_noise_ratio(b, a, data_range=255.0, dim=(1, 2, 3), reduction="elementwise_mean").item()
    if name == "ssim":
        if min(a.shape[2:]) < WINDOW:
            raise DataError(f"SSIM looks through a window of {WINDOW} pixels, and the pictures have {a.shape[2]}x{a.shape[3]} of them.")
        image = torchmetrics("functional.image")
        return image.structural_similarity_index_measure(b, a, data_range=255.0, kernel_size=WINDOW).item()
    if name == "mean_error":
        return (a - b).abs().mean().item()
    if name == "ab_error":
        if a.shape[1] != 3:
            raise DataError("Grey pictures have no a and b to compare; give pictures of 3 channels.")
        return ab_error(a, b).mean().item()
    assert extractor is not None, "compare_pairs() has seen to it"
    return lpips_like(a, b, extractor).mean().item()


def cycle_error(pictures: Any, returned: Any) -> Tensor:
    """(N,) mean absolute difference, of the range's 2, between pictures and what came back of them after two translations.

    It is the cycle loss of CycleGAN (Zhu et al. 2017), in its scale, on pictures of 8 bits. A low one proves little: a generator that
    changes nothing has 0, and one may hide in noise what it must remember.

    Args:
        pictures, returned: see `compare_pairs`.

    Raises:
        DataError: pictures of another kind, or that do not pair.
    """
    a, b = pixels_of(pictures, "The pictures", least=1), pixels_of(returned, "The returned pictures", least=1)
    if a.shape != b.shape:
        raise DataError(f"The pictures are {tuple(a.shape)}, the returned ones {tuple(b.shape)} (N, C, H, W); they must be equal in shape.")
    return (a.double() - b.double()).abs().flatten(1).mean(1) / 127.5


def volume_iou(real: Any, drawn: Any, *, threshold: float = 0.0) -> Tensor:
    """(N,) intersection over union of occupied voxels; 1 where both volumes are empty.

    Args:
        real, drawn: (N, ...) equal in shape; bool, or numbers of which those above `threshold` are occupied.
        threshold: 0 for volumes in [-1, 1], 0.5 for probabilities.

    Raises:
        DataError: shapes that differ, no volume, or values that are not finite.
    """
    volumes = [torch.as_tensor(np.asarray(v) if not isinstance(v, Tensor) else v.detach().cpu()) for v in (real, drawn)]
    if volumes[0].shape != volumes[1].shape or volumes[0].ndim < 2 or not len(volumes[0]):
        raise DataError(f"Volumes are {tuple(volumes[0].shape)} and {tuple(volumes[1].shape)}; expected (N, ...) and the same.")
    if not all(bool(torch.isfinite(v).all()) for v in volumes):
        raise DataError("Some voxels are not finite; has the generator diverged?")
    a, b = ((v if v.dtype == torch.bool else v > threshold).flatten(1) for v in volumes)
    union = (a | b).sum(1)
    return torch.where(union > 0, (a & b).sum(1) / union.clamp_min(1), 1.0).double()
