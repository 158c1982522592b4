"""Scores of novelty on a space where the answer is known, and the shares that a model keeps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dazoo.errors import DataError
from dazoo.metrics.novelty import auroc
from dazoo.metrics.novelty import energy
from dazoo.metrics.novelty import familiar_of
from dazoo.metrics.novelty import highest_logit
from dazoo.metrics.novelty import highest_probability
from dazoo.metrics.novelty import mahalanobis
from dazoo.metrics.novelty import nearest


def clusters(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Three classes around axes of an eight-dimensional space."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    return 4 * torch.eye(8)[labels] + 0.5 * torch.randn(n, 8, generator=generator), labels


def test_every_score_tells_far_features_from_near_ones() -> None:
    (train, labels), (near, _) = clusters(300, 0), clusters(200, 1)
    far = torch.randn(200, 8, generator=torch.Generator().manual_seed(2))
    head = torch.eye(8)[:3].T
    for score in (lambda f: nearest(f, torch.nn.functional.normalize(train, dim=1)), lambda f: mahalanobis(f, train, labels)):
        assert auroc(score(near), score(far)) > 0.95
    for score in (highest_probability, highest_logit, energy):
        assert auroc(score(near @ head), score(far @ head)) > 0.9


def test_mahalanobis_is_that_of_the_textbook() -> None:
    train, labels = clusters(60, 0)
    means = np.stack([train[labels == k].double().numpy().mean(0) for k in range(3)])
    rest = train.double().numpy() - means[labels.numpy()]
    covariance = rest.T @ rest / 60
    covariance += 1e-4 * np.diag(covariance).mean() * np.eye(8)
    x = torch.ones(1, 8)
    want = min((x.numpy()[0] - m) @ np.linalg.solve(covariance, x.numpy()[0] - m) for m in means)
    assert -mahalanobis(x, train, labels).item() == pytest.approx(want, rel=1e-4)


def test_a_share_is_the_part_of_right_pictures_that_lie_farther() -> None:
    (train, _), (right, _), (other, _) = clusters(90, 0), clusters(2000, 1), clusters(2000, 3)
    familiar = familiar_of(train, right)
    shares = familiar(right)
    assert shares.shape == (2000,) and shares.min() >= 0 and shares.max() <= 1
    for part in (0.05, 0.3, 0.9):
        assert (shares < part).float().mean().item() == pytest.approx(part, abs=0.01)
        assert (familiar(other) < part).float().mean().item() == pytest.approx(part, abs=0.05)
    noise = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    assert familiar(noise).max() < 0.3 and familiar(-train).max() == 0
    assert familiar(train).min() > 0.99  # each is its own neighbour
    assert familiar(right.reshape(4, 500, 8)).shape == (4, 500) and familiar(torch.zeros(0, 8)).shape == (0,)
    order = nearest(right, familiar.bank).argsort()
    assert (shares[order].diff() >= 0).all()


def test_auroc_counts_pairs() -> None:
    assert auroc([3, 4], [1, 2]) == 1 and auroc([1, 2], [3, 4]) == 0
    assert auroc([1, 3], [2, 2]) == 0.5 and auroc([1, 1], [1]) == 0.5
    known, strange = np.random.default_rng(0).normal(size=(2, 40)).round(1)
    pairs = np.mean([(a > b) + 0.5 * (a == b) for a in known for b in strange])
    assert auroc(known, strange) == pytest.approx(pairs)
    with pytest.raises(DataError, match="at least one of each"):
        auroc([], [1])
    with pytest.raises(DataError, match="at least one of each"):
        familiar_of(torch.ones(2, 3), torch.ones(0, 3))
