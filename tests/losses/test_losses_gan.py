from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from dazoo.losses import gan


REAL, FAKE = torch.tensor([[1.0], [3.0]]), torch.tensor([[-1.0], [0.5]])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (gan.nonsaturating_critic(REAL, FAKE), sum(math.log1p(math.exp(x)) for x in (-1, -3, -1, 0.5)) / 2),
        (gan.nonsaturating_generator(FAKE), (math.log1p(math.exp(1)) + math.log1p(math.exp(-0.5))) / 2),
        (gan.least_squares_critic(REAL, FAKE), (0 + 4) / 2 + (1 + 0.25) / 2),
        (gan.least_squares_generator(FAKE), (4 + 0.25) / 2),
        (gan.hinge_critic(REAL, FAKE), (0 + 0) / 2 + (0 + 1.5) / 2),
        (gan.hinge_generator(FAKE), 0.25),
        (gan.relativistic_critic(REAL, FAKE), (math.log1p(math.exp(-2)) + math.log1p(math.exp(-2.5))) / 2),
        (gan.relativistic_generator(REAL, FAKE), (math.log1p(math.exp(2)) + math.log1p(math.exp(2.5))) / 2),
    ],
)
def test_by_hand(value: torch.Tensor, expected: float) -> None:
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_nonsaturating_is_binary_cross_entropy() -> None:
    bce = nn.functional.binary_cross_entropy_with_logits
    expected = bce(REAL, torch.ones_like(REAL)) + bce(FAKE, torch.zeros_like(FAKE))
    torch.testing.assert_close(gan.nonsaturating_critic(REAL, FAKE), expected)
    torch.testing.assert_close(gan.nonsaturating_generator(FAKE), bce(FAKE, torch.ones_like(FAKE)))


@pytest.mark.parametrize("name", gan.GAMES)
def test_the_sides_pull_a_fake_in_opposite_directions(name: str) -> None:
    fake = torch.tensor([0.2], requires_grad=True)
    (down,) = torch.autograd.grad(gan.GAMES[name].critic(torch.tensor([0.5]), fake), fake)
    (up,) = torch.autograd.grad(gan.GAMES[name].generator(fake, torch.tensor([0.5])), fake)
    assert down > 0 > up


def test_nonsaturating_gradient_lives_while_the_critic_wins() -> None:
    fake = torch.tensor([-80.0], requires_grad=True)
    gan.nonsaturating_generator(fake).backward()
    assert fake.grad.item() == pytest.approx(-1)


def test_r1_of_a_linear_critic_is_half_its_squared_weight() -> None:
    w = torch.randn(12, dtype=torch.float64, requires_grad=True)
    images = torch.randn(5, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    penalty = gan.r1_penalty(images.flatten(1) @ w, images)
    assert penalty.item() == pytest.approx(0.5 * w.square().sum().item())
    penalty.backward()
    torch.testing.assert_close(w.grad, w.detach())


def test_r1_reaches_a_deep_critic() -> None:
    critic = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(4 * 36, 1))
    images = torch.randn(2, 3, 8, 8, requires_grad=True)
    gan.r1_penalty(critic(images), images).backward()
    assert critic[0].weight.grad.abs().sum() > 0


def test_the_gradient_penalty_of_a_linear_critic_is_its_slope_s_distance_from_one() -> None:
    w = torch.tensor([3.0, 4.0])  # slope 5 everywhere
    real, fake = torch.rand(6, 2, 1, 1), torch.rand(4, 2, 1, 1)
    penalty = gan.gradient_penalty(lambda x: [x.flatten(1) @ w], real, fake)
    assert penalty.item() == pytest.approx(16.0, rel=1e-4)
    two = gan.gradient_penalty(lambda x: [x.flatten(1) @ w, x.flatten(1) @ (w / 5)], real, fake)
    assert two.item() == pytest.approx(16.0, rel=1e-4), "a critic of slope 1 costs nothing"


def test_the_wasserstein_critic_estimates_a_distance() -> None:
    assert gan.wasserstein_critic(REAL, FAKE).item() == pytest.approx(-0.25 - 2.0)
