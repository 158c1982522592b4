"""Distances of two sets of features. torch-fidelity counts them, but for density and coverage."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.metrics.pictures.libraries import fidelity
from dazoo.metrics.pictures.neighbours import NEAREST
from dazoo.metrics.pictures.neighbours import density_coverage


K = 3
"""The neighbour whose distance is a picture's reach in precision and recall (Kynkäänniemi et al. 2019)."""

SUBSETS, SUBSET = 100, 1000
"""KID is the mean over so many subsets, each of at most so many pictures and of half the smaller set (Binkowski et al. 2018)."""

SPLITS, SPLIT = 10, 100
"""The inception score is the mean over at most so many splits, each of at least so many pictures (Salimans et al. 2016)."""

USUAL = ("fid", "kid", "precision_recall", "density_coverage")


class Measured(NamedTuple):
    """One figure before its protocol is complete."""

    name: str
    value: float
    spread: float | None
    library: str
    settings: str


def compare_features(
    real: Tensor, drawn: Tensor, *, which: Sequence[str] = USUAL, seed: int = 0, logits: Tensor | None = None
) -> list[Measured]:
    """The figures of features (N, D) and (M, D); `logits` (M, K) of the drawn pictures are for the inception score.

    Raises:
        DataError: too few rows, widths that differ, values that are not finite.
        SettingsError: an unknown figure, no logits where they are needed, or a library that is not installed.
    """
    names = checked(which)
    if real.ndim != 2 or drawn.ndim != 2 or real.shape[1] != drawn.shape[1] or min(len(real), len(drawn)) < 2:
        raise DataError(f"Features are {tuple(real.shape)} and {tuple(drawn.shape)}; expected (N, D) and (M, D) with 2 rows or more.")
    real, drawn = real.detach().cpu().double(), drawn.detach().cpu().double()
    if not (torch.isfinite(real).all() and torch.isfinite(drawn).all()):
        raise DataError("Some features are not finite; the network that they come from is broken, or has diverged.")
    found: list[Measured] = []
    for name in names:
        found += _inception_score(logits, seed) if name == "inception_score" else _BY_FEATURES[name](real, drawn, seed)
    return found


def _fid(real: Tensor, drawn: Tensor, seed: int) -> list[Measured]:
    fid = fidelity("metric_fid")
    told = fid.fid_statistics_to_metric(fid.fid_features_to_statistics(drawn), fid.fid_features_to_statistics(real), False)
    return [Measured("fid", told[fid.KEY_METRIC_FID], None, "torch-fidelity", "")]


def _kid(real: Tensor, drawn: Tensor, seed: int) -> list[Measured]:
    kid = fidelity("metric_kid")
    size = max(2, min(SUBSET, len(real) // 2, len(drawn) // 2))
    told = kid.kid_features_to_metric(drawn, real, kid_subsets=SUBSETS, kid_subset_size=size, rng_seed=seed, verbose=False)
    settings = f"{SUBSETS} subsets of {size}"
    return [Measured("kid", told[kid.KEY_METRIC_KID_MEAN], told[kid.KEY_METRIC_KID_STD], "torch-fidelity", settings)]


def _inception_score(logits: Tensor | None, seed: int) -> list[Measured]:
    if logits is None:
        raise SettingsError("The inception score is taken on logits, and this extractor gives none; take a classifier.")
    if not torch.isfinite(logits).all():
        raise DataError("Some logits are not finite; the classifier is broken.")
    isc = fidelity("metric_isc")
    splits = max(1, min(SPLITS, len(logits) // SPLIT))
    told = isc.isc_features_to_metric(logits.detach().cpu().double(), splits=splits, shuffle=True, rng_seed=seed)
    spread = told[isc.KEY_METRIC_ISC_STD] if splits > 1 else None
    settings = f"{splits} split{'s' if splits > 1 else ''}, {logits.shape[1]} classes"
    return [Measured("inception_score", told[isc.KEY_METRIC_ISC_MEAN], spread, "torch-fidelity", settings)]


def _precision_recall(real: Tensor, drawn: Tensor, seed: int) -> list[Measured]:
    if min(len(real), len(drawn)) <= K:
        raise DataError(f"There are {len(real)} real and {len(drawn)} drawn pictures; precision and recall need {K + 1} of each.")
    prc = fidelity("metric_prc")
    told = prc.prc_features_to_metric(drawn, real, prc_neighborhood=K, prc_batch_size=2048, save_cpu_ram=True, verbose=False)
    values = (("precision", told[prc.KEY_METRIC_PRECISION]), ("recall", told[prc.KEY_METRIC_RECALL]))
    return [Measured(name, value, None, "torch-fidelity", f"{K} neighbours") for name, value in values]


def _density_coverage(real: Tensor, drawn: Tensor, seed: int) -> list[Measured]:
    values = zip(("density", "coverage"), density_coverage(real, drawn), strict=True)
    return [Measured(name, value, None, "dazoo", f"{NEAREST} neighbours") for name, value in values]


_BY_FEATURES: dict[str, Callable[[Tensor, Tensor, int], list[Measured]]] = {
    "fid": _fid,
    "kid": _kid,
    "precision_recall": _precision_recall,
    "density_coverage": _density_coverage,
}
WHICH = (*_BY_FEATURES, "inception_score", "lpips_like")


def checked(which: Sequence[str]) -> list[str]:
    """The names of figures, once each; raises SettingsError for one that there is not."""
    names = [which] if isinstance(which, str) else list(which)
    unknown = [name for name in names if name not in WHICH]
    if unknown or not names:
        raise SettingsError(f"which is {which!r}; expected some of {', '.join(WHICH)}.")
    return list(dict.fromkeys(names))
