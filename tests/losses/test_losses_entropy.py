from __future__ import annotations

import math

import pytest
import torch

from dazoo.losses import entropy as e


SURE = torch.eye(4) * 100
UNSURE = torch.zeros(4, 4)
COLLAPSED = torch.tensor([[100.0, 0, 0, 0]]).repeat(4, 1)
LOG4 = math.log(4)


@pytest.mark.parametrize(
    ("loss", "sure", "unsure", "collapsed"),
    [
        (e.entropy_minimisation, 0, LOG4, 0),
        (e.diversity, -LOG4, -LOG4, 0),
        (e.information_maximisation, -LOG4, 0, 0),
        (e.uniform_cross_entropy, LOG4, LOG4, 75),
        (e.class_balance, -(math.log(0.25) / 4 + 0.75 * math.log(0.75)), -(math.log(0.25) / 4 + 0.75 * math.log(0.75)), None),
        (e.mcc, 0, 0.75, 0.75),
        (e.batch_nuclear_norm, -1, -0.25, -0.5),
    ],
)
def test_sure_unsure_and_collapsed(loss, sure: float, unsure: float, collapsed: float | None) -> None:
    assert loss(SURE).item() == pytest.approx(sure, abs=1e-4)
    assert loss(UNSURE).item() == pytest.approx(unsure, abs=1e-4)
    if collapsed is not None:
        assert loss(COLLAPSED).item() == pytest.approx(collapsed, abs=1e-3)
    else:
        assert loss(COLLAPSED) > loss(SURE) + 1


def test_entropy_is_one_number_a_row() -> None:
    torch.testing.assert_close(e.entropy(torch.cat([SURE[:1], UNSURE[:1]])), torch.tensor([0.0, LOG4]))


def test_mean_divergence_is_zero_at_the_prior_and_diversity_for_equal_classes() -> None:
    prior = torch.tensor([0.7, 0.1, 0.1, 0.1])
    assert e.mean_divergence(prior.log().repeat(3, 1), prior).item() == pytest.approx(0, abs=1e-6)
    assert e.mean_divergence(UNSURE, prior) > 0.1
    x = torch.randn(5, 4)
    torch.testing.assert_close(e.mean_divergence(x, torch.full((4,), 0.25)), e.diversity(x) + LOG4)


def test_mcc_weights_take_no_gradient_and_scale_out() -> None:
    x = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    e.mcc(x, 1.0).backward()
    p = x.softmax(1)
    w = (1 + torch.exp(-e.entropy(x))).detach()
    confusion = (p * w[:, None]).T @ p
    confusion = confusion / confusion.sum(1, keepdim=True)
    (expected,) = torch.autograd.grad(1 - confusion.trace() / 3, x)
    torch.testing.assert_close(x.grad, expected)


def test_thresholds_by_class_and_by_source() -> None:
    logits = torch.log(torch.tensor([[0.7, 0.3], [0.3, 0.7]]))
    assert e.confident_pseudo_labels(logits, 0.6)[1].tolist() == [1, 1]
    assert e.confident_pseudo_labels(logits, torch.tensor([0.8, 0.6]))[1].tolist() == [0, 1]
    assert e.relative_threshold(logits, 0.5).item() == pytest.approx(0.35)
    assert e.confident_pseudo_labels(logits, e.relative_threshold(logits, 1.1))[1].tolist() == [0, 0]


def test_masked_pseudo_labels_count_as_zero_in_the_mean() -> None:
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    each = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    assert torch.allclose(e.self_training(logits, labels, torch.tensor([1.0, 0, 0, 1])), (each[0] + each[3]) / 4)
    assert e.self_training(logits, labels, torch.zeros(4)).item() == 0
