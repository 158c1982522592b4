"""One critic's part in a game, for GANs with several critics or with critics that are shown more than a picture."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence

import torch
from torch import Tensor

from dazoo.contracts import Verdict
from dazoo.losses.game import Rules


Critic = Callable[[Tensor], Verdict]
"""From what it is shown, (N, ..., H, W), to its verdict."""


def judged(rules: Rules, critic: Critic, images: Tensor) -> Sequence[Tensor]:
    """The critic's logits for (N, ..., H, W), shown as the rules have it."""
    return critic(rules.shown(images)).logits


def fool(rules: Rules, critic: Critic, fake: Tensor, real: Tensor) -> Tensor:
    """The generator's loss: how little the critic takes `fake` for real. `real` is looked at where the game compares."""
    compared = None
    if rules.compares:
        with torch.no_grad():
            compared = judged(rules, critic, real)
    return rules.generator_loss(judged(rules, critic, fake), compared)


def tell_apart(rules: Rules, critic: Critic, real: Tensor, fake: Tensor, *, side: str = "", factor: float = 1.0) -> dict[str, Tensor]:
    """The critic's loss times `factor`, and its penalties, as named terms; no gradient reaches a generator.

    Args:
        side: which critic, for the terms' names: "critic/target" and "critic/r1/target"; without it "critic/adversarial" and "critic/r1".
    """
    real, fake = real.detach(), fake.detach()
    if rules.penalises:
        real, fake = real.requires_grad_(), fake.requires_grad_()
    on_real, on_fake = judged(rules, critic, real), judged(rules, critic, fake)
    penalties = rules.penalties((real, on_real), (fake, on_fake), lambda between: judged(rules, critic, between))
    named = {f"{name}/{side}" if side else name: value for name, value in penalties.items()}
    return {f"critic/{side or 'adversarial'}": factor * rules.critic_loss(on_real, on_fake), **named}
