from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from dazoo.losses.adversarial import MultilinearMap
from dazoo.losses.adversarial import RandomizedMap
from dazoo.losses.adversarial import conditional_map
from dazoo.losses.adversarial import conditioner
from dazoo.losses.adversarial import domain_adversarial
from dazoo.losses.adversarial import entropy_weights
from dazoo.losses.adversarial import linear_start
from dazoo.losses.adversarial import reverse_gradient
from dazoo.losses.adversarial import warm_start


@pytest.mark.parametrize("scale", [0.0, 0.3, 2.0])
def test_reversal_is_minus_scale_times_the_plain_gradient(scale: float) -> None:
    torch.manual_seed(0)
    network, x, y = nn.Linear(4, 1), torch.randn(5, 4, requires_grad=True), torch.randn(5, 4, requires_grad=True)
    with torch.no_grad():
        y.copy_(x)
    network(x).square().sum().backward()
    plain = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    out = reverse_gradient(y, scale)
    assert torch.equal(out, y)
    network(out).square().sum().backward()
    assert torch.equal(y.grad, -scale * x.grad)
    assert all(torch.equal(p.grad, g) for p, g in zip(network.parameters(), plain, strict=True))


def test_reversal_keeps_the_type() -> None:
    x = torch.ones(3, dtype=torch.bfloat16, requires_grad=True)
    reverse_gradient(x, 0.5).sum().backward()
    assert x.grad.dtype == torch.bfloat16


def test_linear_start_rises_between_its_ends_and_jumps_without_a_ramp() -> None:
    assert [linear_start(p, 0.25, 0.5) for p in (0.0, 0.25, 0.5, 0.75, 1.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert [linear_start(p, 0.5, 0.0) for p in (0.4, 0.5, 1.0)] == [0.0, 1.0, 1.0]


def test_warm_start_runs_from_zero_to_one() -> None:
    values = [warm_start(p / 10) for p in range(11)]
    assert values[0] == 0
    assert values == sorted(values)
    assert values[-1] == pytest.approx(1, abs=1e-4)
    assert warm_start(0.5, gamma=0.0) == 0


def test_ignorant_and_perfect_discriminators() -> None:
    zeros = torch.zeros(4)
    assert domain_adversarial(zeros, zeros).item() == pytest.approx(math.log(2))
    assert domain_adversarial(zeros + 50, zeros - 50).item() < 1e-6
    assert domain_adversarial(zeros[:, None], torch.zeros(7, 1)).item() == pytest.approx(math.log(2))


def test_weights_are_scaled_to_mean_one_for_each_domain() -> None:
    s, t = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])
    w = torch.tensor([3.0, 1.0])
    assert torch.allclose(domain_adversarial(s, t, 7 * w, 0.1 * w), domain_adversarial(s, t, w, w))
    one = domain_adversarial(s, t, torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
    assert torch.allclose(one, domain_adversarial(s[:1], t[1:]))
    assert torch.allclose(domain_adversarial(s, t, torch.ones(2), torch.ones(2)), domain_adversarial(s, t))


def test_weights_of_zero_give_zero_not_nan() -> None:
    x = torch.ones(3, requires_grad=True)
    value = domain_adversarial(x, -x, torch.zeros(3), torch.zeros(3))
    value.backward()
    assert value.item() == 0
    assert torch.isfinite(x.grad).all()


def test_joint_weights_let_the_surer_domain_count_more() -> None:
    s, t = torch.full((2,), -3.0), torch.full((2,), -3.0)  # wrong on the source, right on the target
    joint = domain_adversarial(s, t, torch.full((2,), 2.0), torch.ones(2), joint_weights=True)
    assert joint > domain_adversarial(s, t, torch.full((2,), 2.0), torch.ones(2))


def test_entropy_weights_lie_between_one_and_two() -> None:
    p = torch.tensor([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]], requires_grad=True)
    weights = entropy_weights(p)
    torch.testing.assert_close(weights, torch.tensor([2.0, 1 + 1 / 3]))
    assert not weights.requires_grad


def test_map_is_class_major_and_leaves_the_classifier_alone() -> None:
    f, p = torch.tensor([[1.0, 2.0]], requires_grad=True), torch.tensor([[0.25, 0.75]], requires_grad=True)
    h = conditional_map(f, p)
    assert h.tolist() == [[0.25, 0.5, 0.75, 1.5]]
    h.sum().backward()
    assert p.grad is None
    assert f.grad.tolist() == [[1.0, 1.0]]


def test_random_matrices_are_saved() -> None:
    """TLlib's are not in the state: after a reload the discriminator faces another map."""
    first, second = RandomizedMap(8, 3, 16), RandomizedMap(8, 3, 16)
    f, p = torch.randn(5, 8), torch.randn(5, 3).softmax(1)
    assert not torch.equal(first(f, p), second(f, p))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(f, p), second(f, p))
    assert not list(first.parameters())


def test_randomised_map_keeps_inner_products() -> None:
    """Its expectation is that of the full map: <h, h'> is estimated without bias."""
    torch.manual_seed(0)
    f, p = torch.randn(2, 6), torch.randn(2, 4).softmax(1)
    full, sampled = conditional_map(f, p), RandomizedMap(6, 4, 200_000)(f, p)
    torch.testing.assert_close(sampled @ sampled.T, full @ full.T, rtol=0.05, atol=0.02)


def test_conditioner_switches_above_4096() -> None:
    assert isinstance(conditioner(256, 16), MultilinearMap)
    assert isinstance(conditioner(256, 17), RandomizedMap)
    for made in (conditioner(16, 3), conditioner(512, 100, size=64)):
        features, classes = (16, 3) if isinstance(made, MultilinearMap) else (512, 100)
        assert made(torch.randn(2, features), torch.randn(2, classes).softmax(1)).shape == (2, made.out_features)
