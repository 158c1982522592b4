"""A stranger's bridge: the GAN learns the source by class, and what it draws replays the source later in the run."""

import torch
from torch.nn import functional as F

from dazoo.contracts import Ask
from dazoo.contracts import Bridge
from dazoo.contracts import Labelled
from dazoo.contracts import Phase


class Replay(Bridge):
    """Feeds the class as a code.

    Args:
        start: share of the run before drawn pictures join the source batch.
    """

    feeds = frozenset({"code"})

    def __init__(self, problem, make_gan, *, start: float = 0.5) -> None:
        self.k, self.start = problem.num_classes, start
        self.gan = make_gan(code_size=self.k)

    def phases(self):
        critics, generators = self.gan.side("critic"), self.gan.side("generator")
        repeat = self.gan.rules.critic_repeats
        return [Phase("critic", critics, self._critic, repeat=repeat), Phase("generator", generators, self._generator)]

    def _draw(self, labels):
        return self.gan.generate(Ask(code=F.one_hot(labels, self.k).float()))

    def _real(self, step, penalised=False):
        return self.gan.look(step.source.images, step.source.labels, penalised=penalised)

    def _critic(self, step):
        fakes = self._draw(step.source.labels).detach()
        return self.gan.critic_terms(self._real(step, True), self.gan.look(fakes, step.source.labels, penalised=True))

    def _generator(self, step):
        drawn = self.gan.look(self._draw(step.source.labels), step.source.labels)
        return self.gan.generator_terms(drawn, self._real(step) if self.gan.rules.compares else None)

    def extend(self, step):
        if step.progress < self.start:
            return step.source
        labels = torch.randint(self.k, (4,), device=step.source.labels.device)
        drawn = self._draw(labels).float()
        return Labelled(torch.cat([step.source.images, drawn]), torch.cat([step.source.labels, labels]))

    def sample(self, n, *, labels=None, images=None):
        return self._draw(torch.arange(n) % self.k if labels is None else labels)
