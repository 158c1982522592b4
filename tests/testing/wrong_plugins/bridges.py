"""Wrong bridges."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.nn import functional as F

from dazoo.contracts import Ask
from dazoo.contracts import Bridge
from dazoo.contracts import Labelled
from dazoo.contracts import Phase
from wrong_plugins import Collection


wrong = Collection("bridge")


class Replays(Bridge):
    """Sound; the wrong ones below change one thing."""

    feeds = frozenset({"code"})

    def __init__(self, problem, make_gan):
        self.k = problem.num_classes
        self.gan = make_gan(code_size=self.k)

    def phases(self):
        return [
            Phase("critic", self.gan.side("critic"), self.critic),
            Phase("generator", self.gan.side("generator"), self.generator),
        ]

    def drawn(self, labels):
        return self.gan.generate(Ask(code=F.one_hot(labels, self.k).float()))

    def critic(self, step):
        with torch.no_grad():
            fakes = self.drawn(step.source.labels)
        return self.gan.critic_terms(self.gan.look(step.source.images, penalised=True), self.gan.look(fakes, penalised=True))

    def generator(self, step):
        return self.gan.generator_terms(self.gan.look(self.drawn(step.source.labels)))

    def extend(self, step):
        labels = torch.randint(self.k, (4,))
        images = self.drawn(labels).float()
        return Labelled(torch.cat([step.source.images, images]), torch.cat([step.source.labels, labels]))

    def sample(self, n, *, labels=None, images=None):
        return self.drawn(torch.arange(n) % self.k)


RIGHT = [Replays]


@wrong("builds_from_a_problem", "keeps no GAN", "make_gan(code_size=")
class KeepsNoGAN(Replays):
    def __init__(self, problem, make_gan):
        super().__init__(problem, make_gan)
        self.player = self.gan
        del self.gan

    def groups(self):
        return self.player.groups()


@wrong("builds_from_a_problem", "leaves out ['critic']", "**self.gan.groups()")
class LeavesTheCriticOut(Replays):
    def groups(self):
        return {"generator": self.gan.groups()["generator"]}


@wrong("builds_from_a_problem", "'classes'", "generator... or critic...")
class GroupByAnotherName(Replays):
    def groups(self):
        return {**self.gan.groups(), "classes": torch.nn.Linear(2, 2)}


@wrong("builds_from_a_problem", "cannot be built from a problem and a GAN", "TypeError")
class TakesNoGAN(Replays):
    def __init__(self, problem, make_gan):
        self.gan = make_gan(code=3)


@wrong("declares_what_it_feeds", "{'code'}", "frozenset out of code, images, labels")
class FeedsASet(Replays):
    feeds = {"code"}


@wrong("draws_pictures_in_range", "draws (1, 1, 16, 16)", "expected (5, 1, 16, 16)")
class DrawsOne(Replays):
    def sample(self, n, **given):
        return super().sample(1)


@wrong("draws_pictures_in_range", "none below 0", "not in [0, 1]")
class DrawsForTheScreen(Replays):
    def sample(self, n, **given):
        return (super().sample(n) + 1) / 2


@wrong("extends_the_source_batch", "labels of torch.int64 up to 4", "int64 below 3")
class InventsAClass(Replays):
    def extend(self, step):
        got = super().extend(step)
        return replace(got, labels=torch.cat([got.labels[:-1], torch.tensor([4])]))


@wrong("extends_the_source_batch", "10 pictures and labels (6,)", "a label for each")
class ForgetsTheLabels(Replays):
    def extend(self, step):
        return Labelled(super().extend(step).images, step.source.labels)


@wrong("extends_the_source_batch", "gives a tuple", "Labelled")
class ExtendsByATuple(Replays):
    def extend(self, step):
        got = super().extend(step)
        return got.images, got.labels


@wrong("extends_the_source_batch", "bfloat16", ".float()")
class ExtendsInHalfPrecision(Replays):
    def extend(self, step):
        got = super().extend(step)
        return Labelled(got.images.bfloat16(), got.labels)


@wrong("leaves_the_batch_alone", "step.source.images", "in place")
class WritesIntoTheSource(Replays):
    def extend(self, step):
        step.source.images[:2] = 0
        return super().extend(step)


@wrong("terms_are_finite_named_scalars", "bridge 'thing' of author", "fails in extend", "RuntimeError: no pictures")
class FailsInExtend(Replays):
    def extend(self, step):
        raise RuntimeError("no pictures")


@wrong("terms_are_finite_named_scalars", "bridge 'thing' of author", "add 'target' to `reads`")
class UsesATargetThatItDoesNotRead(Replays):
    def generator(self, step):
        return {**super().generator(step), "generator/far": step.target_outputs.features.mean()}


@wrong("reads_what_it_says", "phase 'generator'", "runs the learning network on target pictures", "step.opinion")
class RunsTheTargetByHand(Replays):
    def generator(self, step):
        return {**super().generator(step), "generator/far": step.backbone(step.target.images).mean()}
