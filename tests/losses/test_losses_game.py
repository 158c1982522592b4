"""What the rules of a game make of critics, and how they judge them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dazoo.losses.game import Rules
from dazoo.losses.gan import GAMES


def critic() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 1))


def test_spectral_norm_is_applied_once_and_gives_zero_weights_a_direction() -> None:
    net = critic()
    nn.init.zeros_(net[2].weight)
    assert Rules(spectral=True).apply([net]) == Rules(spectral=True)
    Rules(spectral=True).apply([net])
    assert len(net[0].parametrizations.weight) == 1
    for _ in range(30):
        value = net(torch.rand(2, 1, 8, 8))
    assert value.isfinite().all()
    assert torch.linalg.matrix_norm(net[0].weight.flatten(1), 2).item() == pytest.approx(1, abs=0.05)


def test_without_settings_a_critic_is_left_as_it_is() -> None:
    net = critic()
    keys, rules = list(net.state_dict()), Rules()
    assert rules.apply([net]) is rules and list(net.state_dict()) == keys


def test_a_sequential_critic_is_called_as_before_with_ada() -> None:
    net, x = critic(), torch.rand(2, 1, 8, 8)
    before = net(x)
    rules = Rules(ada=0.6).apply([net])
    assert torch.equal(net(x), before) and "augment_probability" in net.state_dict()
    assert rules.changed({"r1": 1.0}).adaptive is rules.adaptive and "adaptive" not in Rules.names()


@pytest.mark.parametrize("game", GAMES)
def test_a_sure_critic_raises_the_augmentation_and_an_undecided_one_lowers_it(game: str) -> None:
    rules = Rules(game=game, ada=0.6, augment="cutout").apply([critic()])
    assert rules.adaptive is not None and rules.adaptive.policy == ("cutout",)
    at = GAMES[game].undecided or 0.0
    rules.critic_loss([torch.full((50_000,), at + 0.3)], [torch.full((50_000,), at - 0.3)])
    assert rules.adaptive.probability.item() == pytest.approx(0.1)
    mixed = torch.tensor([at - 0.3, at + 0.3]).repeat(12_500)
    rules.critic_loss([mixed], [mixed])
    assert rules.adaptive.probability.item() == pytest.approx(0.05)


def test_logits_without_a_middle_are_compared_with_those_of_generated_pictures() -> None:
    """A relativistic critic may rate everything above 0, and still not tell real from generated."""
    rules = Rules(game="relativistic", ada=0.6).apply([critic()])
    high = torch.tensor([9.0, 11.0]).repeat(500)
    rules.critic_loss([high], [high])
    assert rules.adaptive is not None and rules.adaptive.probability == 0
