"""How far drawn pictures are from real ones as sets.

Features are taken once, and every figure is counted from them (`measures`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from dazoo.errors import SettingsError
from dazoo.metrics.pictures.extractor import FILTER
from dazoo.metrics.pictures.extractor import Extractor
from dazoo.metrics.pictures.given import check_channels
from dazoo.metrics.pictures.given import digest_of_pixels
from dazoo.metrics.pictures.given import pixels_of
from dazoo.metrics.pictures.given import remark_on_range
from dazoo.metrics.pictures.libraries import version_of
from dazoo.metrics.pictures.measures import USUAL
from dazoo.metrics.pictures.measures import Measured
from dazoo.metrics.pictures.measures import checked
from dazoo.metrics.pictures.measures import compare_features
from dazoo.metrics.pictures.perceptual import PAIRS
from dazoo.metrics.pictures.perceptual import diversity
from dazoo.metrics.pictures.protocol import Figure
from dazoo.metrics.pictures.protocol import Figures
from dazoo.metrics.pictures.protocol import Protocol


def compare_sets(real: Any, drawn: Any, *, extractor: Extractor, which: Sequence[str] = USUAL, seed: int = 0) -> Figures:
    """Compare drawn pictures with real ones as sets.

    Args:
        real, drawn: uint8 arrays (N, H, W, C), or tensors (N, C, H, W), float in [-1, 1] or uint8; C 1 or 3, the same in both.
        extractor: reads them; see `dazoo.models.extracting.extractor_of`.
        which: some of "fid", "kid", "inception_score" (needs logits), "precision_recall", "density_coverage", "lpips_like" (the mean
            distance within pairs of drawn pictures and within pairs of real ones; needs feature maps).
        seed: of subsets, splits and pairs.

    Raises:
        DataError: pictures of another kind, range or number; see `pixels_of`.
        SettingsError: an unknown figure, an extractor that does not give what a figure needs, or a library that is not installed.
    """
    if not isinstance(extractor, Extractor):
        raise SettingsError(
            f"extractor is a {type(extractor).__name__}; expected an Extractor, such as extractor_of(name, model or file) of "
            "dazoo.models.extracting gives."
        )
    names = checked(which)
    sets = [pixels_of(real, "The real pictures"), pixels_of(drawn, "The drawn pictures")]
    check_channels(*sets)
    remarks = [*remark_on_range(real, "The real pictures"), *remark_on_range(drawn, "The drawn pictures")]
    if sets[0].shape[2:] != sets[1].shape[2:]:
        here, there = ("x".join(map(str, s.shape[2:])) for s in sets)
        remarks.append(f"The real pictures have {here} pixels, the drawn ones {there}; what resizing does to them counts as a difference.")
    common = Protocol(
        extractor.name, extractor.digest, extractor.size, FILTER, len(sets[0]), len(sets[1]), digest_of_pixels(sets[0]), seed, "", ""
    )
    figures = []
    by_features = [name for name in names if name != "lpips_like"]
    if by_features:
        (of_real, _), (of_drawn, logits) = extractor(sets[0]), extractor(sets[1])
        remarks += _remarks(of_real, of_drawn, by_features)
        figures += [_figure(m, common) for m in compare_features(of_real, of_drawn, which=by_features, seed=seed, logits=logits)]
    if "lpips_like" in names:
        for name, pixels in (("lpips_like_drawn", sets[1]), ("lpips_like_real", sets[0])):
            told = f"{min(PAIRS, len(pixels) // 2)} pairs"
            figures.append(_figure(Measured(name, diversity(pixels, extractor, seed), None, "dazoo", told), common, own_size=True))
    return Figures(tuple(figures), tuple(remarks))


def _figure(measured: Measured, common: Protocol, own_size: bool = False) -> Figure:
    size, how = (0, "none") if own_size else (common.size, common.filter)
    protocol = replace(
        common, library=measured.library, version=version_of(measured.library), settings=measured.settings, size=size, filter=how
    )
    return Figure(measured.name, measured.value, protocol, measured.spread)


def _remarks(real: Tensor, drawn: Tensor, names: Sequence[str]) -> list[str]:
    n, width = min(len(real), len(drawn)), real.shape[1]
    if "fid" not in names or n > width:
        return []
    return [
        f"FID is biased upwards, by about as much as 1/n: there are {width} features and {n} pictures, fewer than a covariance needs. "
        "Compare it at equal numbers alone, or take KID, which has no such bias."
    ]
