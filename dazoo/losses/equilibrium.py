"""Where each adversarial game ends if both sides play perfectly: a critic that cannot tell, and what the losses then are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Balance:
    """The end of a game, when generated pictures cannot be told from real ones.

    Attributes:
        logit: what the critic answers to every picture.
        critic, generator: what the two losses are then, for one critic.
        critic_wants, generator_wants: what each side lowers, in words.
    """

    logit: float
    critic: float
    generator: float
    critic_wants: str
    generator_wants: str


BALANCES: Mapping[str, Balance] = MappingProxyType(
    {
        "nonsaturating": Balance(
            0.0, 2 * math.log(2), math.log(2),
            "to say 'real' (a logit above 0) of real pictures and 'drawn' (below 0) of drawn ones",
            "the critic to say 'real' of what it draws",
        ),
        "least_squares": Balance(
            0.5, 0.5, 0.25, "to answer 1 to real pictures and 0 to drawn ones", "the critic to answer 1 to what it draws",
        ),
        "hinge": Balance(
            0.0, 2.0, 0.0, "to answer above 1 to real pictures and below -1 to drawn ones; what lies beyond is no gain",
            "a high answer to what it draws",
        ),
        "wasserstein": Balance(
            0.0, 0.0, 0.0, "the largest difference between its mean answers to real and to drawn pictures that a bounded slope allows",
            "a high answer to what it draws",
        ),
        "relativistic": Balance(
            0.0, math.log(2), math.log(2), "a higher answer to a real picture than to a drawn one, pair by pair",
            "a higher answer to the drawn picture of each pair",
        ),
    }
)  # fmt: skip
"""By the name of the game (`dazoo.losses.gan.GAMES`)."""
