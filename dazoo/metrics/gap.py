"""How far two domains are apart in a feature space, measured by a linear classifier that tells them apart (needs scikit-learn)."""

from __future__ import annotations

from typing import Any

import numpy as np

from dazoo.errors import DataError
from dazoo.errors import SettingsError


def proxy_a_distance(source: np.ndarray, target: np.ndarray, *, seed: int = 0, strength: float = 1.0) -> float:
    """2 (1 - 2 error) of a held-out linear domain classifier (Ben-David et al. 2007): 0 nothing to tell, 2 apart.

    Each half of the data is judged by a classifier trained on the other; the error is the mean of the two domains' errors, so their
    sizes do not matter. A classifier below chance counts as chance.

    Args:
        source: features (N, C), N at least 4.
        target: features (M, C), M at least 4.
        seed: of the split.
        strength: inverse regularisation of the logistic regression.

    Raises:
        DataError: too few rows, widths that differ, values that are not finite.
        SettingsError: scikit-learn is not installed.
    """
    x, y = _stacked(source, target, least=4)
    half = _halves(y, seed)
    errors = []
    for train, test in ((half, ~half), (~half, half)):
        wrong = _fit(x[train], y[train], strength).predict(x[test]) != y[test]
        errors.append((wrong[y[test] == 0].mean() + wrong[y[test] == 1].mean()) / 2)
    return float(max(0.0, 2 * (1 - 2 * np.mean(errors))))


def density_ratio(source: np.ndarray, target: np.ndarray, *, seed: int = 0, strength: float = 1.0) -> np.ndarray:
    """(N,) target density over source density at each source row, each from a classifier that has not seen it.

    Args:
        source: features (N, C), N at least 2.
        target: features (M, C), M at least 2.
        seed: of the split.
        strength: inverse regularisation of the logistic regression.

    Raises:
        DataError: as in `proxy_a_distance`.
        SettingsError: scikit-learn is not installed.
    """
    x, y = _stacked(source, target, least=2)
    half = _halves(y, seed)
    ratio = np.zeros(len(y))
    for train, test in ((half, ~half), (~half, half)):
        ratio[test] = np.exp(_fit(x[train], y[train], strength).decision_function(x[test]))  # equal class weights: odds are the ratio
    return ratio[y == 0]


def _stacked(source: np.ndarray, target: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if source.ndim != 2 or target.ndim != 2 or source.shape[1] != target.shape[1] or min(len(source), len(target)) < least:
        raise DataError(f"Features are {source.shape} and {target.shape}; expected (N, C) and (M, C) with at least {least} rows each.")
    x = np.concatenate([source, target])
    if not np.isfinite(x).all():
        raise DataError("Some features are not finite; the network they come from has diverged.")
    x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-12)
    return x, np.repeat([0, 1], [len(source), len(target)])


def _halves(y: np.ndarray, seed: int) -> np.ndarray:
    """A mask of about half of each domain, at least one row of each in and out."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(len(y), bool)
    for domain in (0, 1):
        rows = rng.permutation(np.flatnonzero(y == domain))
        mask[rows[: len(rows) // 2]] = True
    return mask


def _fit(x: np.ndarray, y: np.ndarray, strength: float) -> Any:
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise SettingsError("The gap between domains needs scikit-learn; install it with: pip install scikit-learn") from error
    return LogisticRegression(C=strength, class_weight="balanced", max_iter=1000).fit(x, y)
