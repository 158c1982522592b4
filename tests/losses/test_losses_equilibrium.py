"""The losses at the end of each game are what the explanation says."""

from __future__ import annotations

import pytest
import torch

from dazoo.losses.equilibrium import BALANCES
from dazoo.losses.gan import GAMES


@pytest.mark.parametrize("name", list(GAMES))
def test_a_critic_that_cannot_tell_gives_the_losses_of_the_balance(name):
    balance, game = BALANCES[name], GAMES[name]
    logits = torch.full((8,), balance.logit)
    assert game.critic(logits, logits).item() == pytest.approx(balance.critic, abs=1e-6)
    assert game.generator(logits, logits).item() == pytest.approx(balance.generator, abs=1e-6)


@pytest.mark.parametrize("name", list(GAMES))
def test_no_other_single_answer_is_better_for_the_critic(name):
    """Where real and drawn pictures are one distribution, the critic answers the same to both, and the balance is its best answer."""
    balance, game = BALANCES[name], GAMES[name]
    for other in (-2.0, -0.4, 0.7, 3.0):
        logits = torch.full((8,), other)
        assert game.critic(logits, logits).item() >= balance.critic - 1e-6
