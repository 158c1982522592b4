from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dazoo.losses import prior as p


SOURCE = torch.tensor([1 / 3, 1 / 3, 1 / 3])
TARGET = torch.tensor([0.7, 0.2, 0.1])


def draw(frequencies: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Labels, and calibrated probabilities for classes of equal frequency: x ~ N(2 e_k, 1), so p(k | x) is softmax(2 x)."""
    g = torch.Generator().manual_seed(seed)
    labels = torch.multinomial(frequencies, n, replacement=True, generator=g)
    x = torch.randn(n, 3, generator=g) + 2 * torch.nn.functional.one_hot(labels, 3)
    return labels, (2 * x).softmax(1)


@pytest.mark.parametrize("target", [TARGET, SOURCE, torch.tensor([0.0, 0.5, 0.5])])
def test_both_estimators_find_a_shifted_prior(target: Tensor) -> None:
    """BBSE from a source whose classes are not equally frequent; EM from the frequencies that the probabilities stand for."""
    labels, source = draw(torch.tensor([0.2, 0.3, 0.5]), 4000, 0)
    _, seen = draw(target, 4000, 1)
    naive = (seen.mean(0) - target).abs().sum()
    for estimate in (p.em_prior(seen, SOURCE), p.bbse_prior(p.soft_confusion(source, labels), seen.mean(0))):
        assert estimate.sum().item() == pytest.approx(1, abs=1e-5)
        assert (estimate >= 0).all()
        assert (estimate - target).abs().sum() < 0.06
        assert torch.equal(target, SOURCE) or (estimate - target).abs().sum() < naive


def test_soft_confusion_sums_to_one_with_labels_in_columns() -> None:
    matrix = p.soft_confusion(torch.tensor([[1.0, 0], [0.25, 0.75], [1, 0]]), torch.tensor([0, 1, 1]))
    torch.testing.assert_close(matrix, torch.tensor([[1.0, 1.25], [0, 0.75]]) / 3)


def test_bbse_keeps_classes_that_cannot_be_told_apart_at_their_source_share() -> None:
    blind = torch.outer(SOURCE, TARGET)  # predicts all classes evenly, whatever the label; labels are as frequent as TARGET
    torch.testing.assert_close(p.bbse_prior(blind, SOURCE), TARGET, atol=1e-3, rtol=0)


def test_adapting_probabilities_raises_accuracy() -> None:
    labels, seen = draw(TARGET, 4000, 2)
    adapted = p.adapt_probabilities(seen, p.em_prior(seen, SOURCE), SOURCE)
    torch.testing.assert_close(adapted.sum(1), torch.ones(4000))
    assert (adapted.argmax(1) == labels).float().mean() > (seen.argmax(1) == labels).float().mean() + 0.02


def test_importance_weights() -> None:
    weights = p.importance_weights(torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.1, 0.0, 0.9]))
    torch.testing.assert_close(weights, torch.tensor([5.0, 0.0, 0.0]))
    assert p.importance_weights(TARGET, torch.tensor([0.1, 0.1, 0.8]), limit=3.0).max() == 3


def test_bbse_gives_no_negative_frequency() -> None:
    """No mixture of what the classifier does on the two classes predicts the first one always; the nearest is the first alone."""
    confusion = torch.tensor([[0.4, 0.1], [0.1, 0.4]])
    assert p.bbse_prior(confusion, torch.tensor([1.0, 0.0])).tolist() == [1, 0]
