from __future__ import annotations

import sys

import numpy as np
import pytest

from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.metrics.gap import density_ratio
from dazoo.metrics.gap import proxy_a_distance


RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(400, 5)), RNG.normal(size=(300, 5))


def test_distance_grows_from_zero_to_two() -> None:
    same, near, far = (proxy_a_distance(A, B + shift) for shift in (0.0, 0.5, 10.0))
    assert 0 <= same < 0.25
    assert same < near < far
    assert far == pytest.approx(2)


def test_memorising_is_no_distance() -> None:
    """More columns than rows: a classifier judged on its training rows would tell any two sets apart."""
    assert proxy_a_distance(RNG.normal(size=(40, 500)), RNG.normal(size=(40, 500))) < 0.8


def test_sizes_do_not_matter() -> None:
    assert proxy_a_distance(A, B[:20]) < 0.6


def test_each_domain_counts_by_half() -> None:
    """The target is one of the source's two clusters: half of the source is taken for target, none of the target for source."""
    source = np.concatenate([A, A + 8])
    assert proxy_a_distance(source, B[:40]) == pytest.approx(1, abs=0.25)


def test_a_classifier_below_chance_counts_as_chance() -> None:
    values = [proxy_a_distance(A[:30], B[:30], seed=seed) for seed in range(10)]
    assert min(values) == 0


def test_scale_and_seed() -> None:
    assert proxy_a_distance(A * 1000, B * 1000 + 500) == proxy_a_distance(A, B + 0.5)
    assert proxy_a_distance(A, B + 0.5, seed=1) == proxy_a_distance(A, B + 0.5, seed=1)


def test_density_ratio_of_two_gaussians() -> None:
    rng = np.random.default_rng(1)
    source, target = rng.normal(size=(4000, 1)), rng.normal(size=(2000, 1)) + 1
    ratio = density_ratio(source, target)
    truth = np.exp(source[:, 0] - 0.5)
    assert np.corrcoef(np.log(ratio), np.log(truth))[0, 1] > 0.99
    assert ratio.mean() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [(A, B[:, :3], r"\(300, 3\)"), (A[:3], B, "at least 4"), (A, np.full((9, 5), np.nan), "not finite"), (A[:, 0], B, "expected")],
)
def test_what_cannot_be_measured(source: np.ndarray, target: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        proxy_a_distance(source, target)


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(SettingsError, match="pip install scikit-learn"):
        proxy_a_distance(A, B)
