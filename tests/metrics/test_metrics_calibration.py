"""Temperature scaling and the expected calibration error."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dazoo.errors import DataError
from dazoo.metrics.calibration import HIGHEST
from dazoo.metrics.calibration import LOWEST
from dazoo.metrics.calibration import fit_temperature
from dazoo.metrics.calibration import reliability


def drawn(n: int = 20_000, classes: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits whose softmax is the true distribution of the labels."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n, classes, generator=generator)
    return logits, torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_temperature_undoes_a_factor(factor: float) -> None:
    logits, labels = drawn()
    assert fit_temperature(factor * logits, labels) == pytest.approx(factor, rel=0.05)


def test_pictures_that_are_all_read_right_or_wrong_end_at_a_bound() -> None:
    logits = torch.eye(4).repeat(5, 1) * 9
    labels = torch.arange(4).repeat(5)
    assert fit_temperature(logits, labels) == LOWEST
    assert fit_temperature(logits, labels.roll(1)) == HIGHEST


def test_the_error_by_hand() -> None:
    """Two bins: scores of 0.62 (half right) and of 0.92 (all right)."""
    logits = torch.log(torch.tensor([[0.62, 0.38], [0.38, 0.62], [0.92, 0.08], [0.08, 0.92]]))
    found = reliability(logits, torch.tensor([0, 0, 0, 1]), bins=2)
    assert found.n == 4 and found.accuracy == 0.75
    assert found.bins[0] == (0, 0.0, 0.0) and found.bins[1] == (4, 0.77, 0.75) and found.ece == pytest.approx(0.02, abs=1e-6)
    found = reliability(logits, torch.tensor([0, 0, 0, 1]), bins=10)
    assert found.ece == pytest.approx(0.5 * 0.12 + 0.5 * 0.08, abs=1e-6)
    assert {k: row for k, row in enumerate(found.bins) if row[0]} == {6: (2, 0.62, 0.5), 9: (2, 0.92, 1.0)}


def test_true_probabilities_are_calibrated_and_sharpened_ones_are_not() -> None:
    logits, labels = drawn()
    assert reliability(logits, labels).ece < 0.015
    sharp = reliability(3 * logits, labels)
    assert sharp.ece > 0.1 and reliability(3 * logits, labels, temperature=3).ece < 0.015
    assert sharp.accuracy == reliability(logits, labels).accuracy


@pytest.mark.parametrize(("logits", "labels"), [((0, 3), 0), ((4, 3), 3), ((4,), 4)])
def test_shapes_that_do_not_fit(logits: tuple[int, ...], labels: int) -> None:
    with pytest.raises(DataError, match="expected"):
        fit_temperature(torch.zeros(logits), torch.zeros(labels, dtype=torch.int64))
    with pytest.raises(DataError, match="Labels run from"):
        reliability(torch.zeros(2, 3), torch.tensor([0, 3]))
