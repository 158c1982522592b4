from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from dazoo.losses import discrepancy as d


def test_mdd_gathers_one_entry_a_sample() -> None:
    """skada indexes probabilities[:, classes], an N x N table, where one entry a row is meant."""
    target = torch.tensor([[5.0, 0.0], [0.0, 5.0], [0.0, 5.0]])  # classes 0, 1, 1
    adversary = torch.log(torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]))
    value = d.mdd(target, target * 100, target, adversary, margin=4.0)  # the source side is 0
    assert value.item() == pytest.approx(-(math.log(0.1) + math.log(0.2) + math.log(0.6)) / 3, rel=1e-5)


def test_mdd_margin_weighs_the_source_side_only() -> None:
    torch.manual_seed(0)
    a, b, c, e = (torch.randn(4, 3) for _ in range(4))
    one, two = d.mdd(a, b, c, e, 1.0), d.mdd(a, b, c, e, 2.0)
    assert (two - one).item() == pytest.approx(torch.nn.functional.cross_entropy(b, a.argmax(1)).item(), rel=1e-5)


def test_mdd_leaves_the_classifier_alone() -> None:
    a, c = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    d.mdd(a, torch.randn(4, 3, requires_grad=True), c, torch.randn(4, 3)).backward()
    assert a.grad is None
    assert c.grad is None


@pytest.mark.parametrize("delta", [0.1, 1.0, 3.0])
def test_afn_is_delta_squared_and_lengthens(delta: float) -> None:
    f = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    value = d.afn(f, delta)
    value.backward()
    assert value.item() == pytest.approx(delta**2)
    assert ((f.grad * f).sum(1) < 0).all()  # against the gradient is outwards


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 12), m=st.integers(2, 12), seed=st.integers(0, 1000))
def test_mmd_is_symmetric_and_ignores_order_shift_and_rotation(n: int, m: int, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    s, t = torch.randn(n, 4, generator=g).double(), torch.randn(m, 4, generator=g).double() + 1
    value = d.mk_mmd(s, t)
    turn, _ = torch.linalg.qr(torch.randn(4, 4, generator=g).double())
    for a, b in ((t, s), (s.flip(0), t), (s + 100, t + 100), (s @ turn, t @ turn)):
        torch.testing.assert_close(d.mk_mmd(a, b), value, rtol=1e-7, atol=1e-9)


def test_mmd_is_zero_on_average_for_equal_distributions_and_grows_with_distance() -> None:
    g = torch.Generator().manual_seed(0)
    values = [d.mk_mmd(torch.randn(20, 3, generator=g), torch.randn(20, 3, generator=g)).item() for _ in range(200)]
    mean, error = torch.tensor(values).mean().item(), torch.tensor(values).std().item() / 200**0.5
    assert abs(mean) < 4 * error
    assert min(values) < 0  # unbiased
    x, y = torch.randn(40, 3, generator=g), torch.randn(40, 3, generator=g)
    assert d.mk_mmd(x, y) < d.mk_mmd(x, y + 1) < d.mk_mmd(x, y + 3)


def test_mmd_survives_a_large_common_offset_in_float32() -> None:
    g = torch.Generator().manual_seed(0)
    s, t = torch.randn(32, 16, generator=g), torch.randn(32, 16, generator=g) + 0.5
    torch.testing.assert_close(d.mk_mmd(s + 1000, t + 1000), d.mk_mmd(s, t), rtol=1e-2, atol=1e-3)


def test_the_two_corals_differ_by_means_and_a_factor() -> None:
    s, t = torch.randn(8, 5), torch.randn(9, 5)
    assert d.coral(s + 3, t).item() == pytest.approx(d.coral(s, t).item(), rel=1e-3)
    expected = 4 * d.coral(s, t) + (s.mean(0) - t.mean(0)).square().mean()
    torch.testing.assert_close(d.coral_with_means(s, t), expected)


def test_bsp_counts_singular_values() -> None:
    s = torch.diag(torch.tensor([3.0, 2.0, 1.0]))
    assert d.bsp(s, s).item() == pytest.approx(18)
    assert d.bsp(s, s, count=2).item() == pytest.approx(26)
