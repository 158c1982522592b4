"""The first step of a GAN's game, on noise in the place of pictures: who learns from which losses, before anything is learnt."""

from __future__ import annotations

import torch

from dazoo.bridges.alone import Alone
from dazoo.bridges.alone import Nobody
from dazoo.bridges.alone import Nothing
from dazoo.contracts import GAN
from dazoo.contracts import Labelled
from dazoo.contracts import Phase
from dazoo.contracts import Problem
from dazoo.contracts import Unlabelled
from dazoo.engine.passes import Pass


PICTURES = 8


def first_step(game: Alone) -> list[tuple[Phase, dict[str, float]]]:
    """Each phase of the game, and its weighted loss terms by name. The global random state is left alone."""
    gan, classes = game.gan, game.gan.num_classes
    problem = Problem(Nobody(), classes, gan.channels, gan.size, (PICTURES,) * classes, PICTURES)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        images, others = torch.rand(2, PICTURES, gan.channels, gan.size, gan.size) * 2 - 1
        labels = torch.arange(PICTURES) % classes
        step = Pass(Labelled(images, labels), Unlabelled(others, lambda: others), progress=1.0, number=0, method=Nothing(problem))
        found = []
        for phase in game.phases():
            step.enter(phase)
            found.append((phase, {name: float(value.detach()) for name, value in phase.loss(step).items()}))
    return found


def is_told_classes(gan: GAN) -> bool:
    """Whether the critic answers something else where the same picture is said to be of another class."""
    if "labels" not in gan.takes or gan.num_classes < 2:
        return False
    picture = torch.zeros(1, gan.channels, gan.size, gan.size)
    critics = [gan.groups()[name].eval() for name in gan.side("critic")]
    with torch.no_grad():
        one, two = (gan.judge(picture, torch.tensor([y])).logits[0] for y in (0, 1))
    for critic in critics:
        critic.train()
    return not torch.equal(one, two)
