"""Wrong GANs."""

from __future__ import annotations

import torch
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Verdict
from wrong_plugins import Collection


wrong = Collection("gan")


class Draws(GAN):
    """Sound; the wrong ones below change one thing."""

    takes = frozenset({"code"})
    noise_size = 4
    num_critic_features = 8

    def __init__(self, **settings):
        super().__init__(**settings)
        pixels = self.channels * self.size**2
        self.generator = nn.Sequential(nn.Linear(self.code_size + self.noise_size, pixels), nn.Tanh())
        self.body, self.verdict = nn.Sequential(nn.Linear(pixels, 8), nn.LeakyReLU()), nn.Linear(8, 1)

    def groups(self):
        return {"generator": self.generator, "critic": nn.ModuleList([self.body, self.verdict])}

    def generate(self, ask):
        code = torch.cat([ask.code, self.draw(len(ask), ask.code.device)], 1)
        return self.generator(code).unflatten(1, (self.channels, self.size, self.size))

    def judge(self, images, labels=None):
        features = self.body(images.flatten(1))
        return Verdict(images, (self.verdict(features).squeeze(1),), features)


class DrawsClasses(Draws):
    """Sound: two bridges fit it, and the kit goes through both."""

    takes = frozenset({"code", "labels"})

    def __init__(self, **settings):
        super().__init__(**settings)
        self.classes = nn.Embedding(self.num_classes + 1, self.code_size + self.noise_size)

    def groups(self):
        return {**super().groups(), "generator": nn.ModuleList([self.generator, self.classes])}

    def generate(self, ask):
        noise = self.draw(len(ask), self.device)
        code = noise if ask.code is None else torch.cat([ask.code, noise], 1)
        code = nn.functional.pad(code, (0, self.code_size + self.noise_size - code.shape[1]))
        code = code if ask.labels is None else code + self.classes(ask.labels)
        return self.generator(code).unflatten(1, (self.channels, self.size, self.size))


RIGHT = [Draws, DrawsClasses]


@wrong("builds_from_a_problem", "cannot be built for", "pixels a side")
class OneSizeOnly(Draws):
    def __init__(self, **settings):
        super().__init__(**settings)
        assert self.size == 16


@wrong("builds_from_a_problem", "['decoder']", "begin with 'generator' or 'critic'")
class GroupCalledDecoder(Draws):
    def groups(self):
        return {"decoder": self.generator, "critic": nn.ModuleList([self.body, self.verdict])}


@wrong("builds_from_a_problem", "takes ['feature']", "bridges feed code, images, labels")
class TakesAFeature(Draws):
    takes = frozenset({"feature"})


@wrong("builds_from_a_problem", "takes []", "Declare some")
class TakesNothing(Draws):
    takes = frozenset()


@wrong("declares_what_it_takes", "{'code'}", "frozenset out of code, images, labels")
class TakesASet(Draws):
    takes = {"code"}


@wrong("draws_pictures_in_range", "outside [-1, 1]", "tanh")
class OutOfRange(Draws):
    def generate(self, ask):
        return 3 * super().generate(ask)


@wrong("draws_pictures_in_range", "none below 0", "not in [0, 1]", "sigmoid")
class ZeroToOne(Draws):
    def generate(self, ask):
        return super().generate(ask) / 2 + 0.5


@wrong("draws_pictures_in_range", "draws (4, 1, 15, 15)", "expected (4, 1, 16, 16)")
class WrongSize(Draws):
    def generate(self, ask):
        return super().generate(ask)[:, :, 1:, 1:]


@wrong("draws_pictures_in_range", "draws (4, 1,", "expected (4, 3,")
class WrongChannels(Draws):
    def generate(self, ask):
        return super().generate(ask)[:, :1]


@wrong("draws_pictures_in_range", "not finite")
class DrawsNotANumber(Draws):
    def generate(self, ask):
        return super().generate(ask) / 0


@wrong("draws_what_it_is_asked_for", "another code", "ignores ask.code")
class IgnoresTheCode(Draws):
    def generate(self, ask):
        return super().generate(type(ask)(torch.zeros_like(ask.code)))


@wrong("draws_what_it_is_asked_for", "another label", "ignores ask.labels")
class IgnoresTheClass(DrawsClasses):
    takes = frozenset({"labels"})

    def generate(self, ask):
        return super().generate(type(ask)(labels=torch.zeros_like(ask.labels)))


@wrong("draws_what_it_is_asked_for", "another noise", "self.draw")
class IgnoresTheNoise(Draws):
    def draw(self, n, device):
        return torch.zeros(n, self.noise_size, device=device)


@wrong("judges_pictures", "probabilities", "sigmoid")
class JudgesInProbabilities(Draws):
    def judge(self, images, labels=None):
        verdict = super().judge(images)
        return Verdict(images, (verdict.logits[0].sigmoid(),), verdict.features)


@wrong("judges_pictures", "gan 'thing' of author", "num_critic_features is 5", "expected (N, 5)")
class OtherCriticFeatures(Draws):
    num_critic_features = 5


@wrong("judges_pictures", "for 6 pictures", "a row for each")
class OneLogitForAll(Draws):
    def judge(self, images, labels=None):
        verdict = super().judge(images)
        return Verdict(images, (verdict.logits[0].mean(),), verdict.features)


@wrong("judges_pictures", "gan 'thing' of author", "judges with a Tensor", "a tuple with one tensor for each critic")
class LogitsWithoutATuple(Draws):
    def judge(self, images, labels=None):
        verdict = super().judge(images)
        return Verdict(images, verdict.logits[0], verdict.features)


@wrong("judges_pictures", "changes the pictures", "in place", "new tensor")
class JudgesInPlace(Draws):
    def judge(self, images, labels=None):
        with torch.no_grad():
            images.mul_(0.5)
        return super().judge(images)


@wrong("terms_are_finite_named_scalars", "gan 'thing' of author", "has the shape", ".mean()", "phase 'critic'")
class VectorAsTerm(Draws):
    def critic_terms(self, real, fake):
        return {"critic/adversarial": fake.logits[0]}


@wrong("terms_are_finite_named_scalars", "gan 'thing' of author", "phase 'critic'", "IndexError")
class FailsInItsLoss(Draws):
    def critic_terms(self, real, fake):
        return {"critic/adversarial": real.logits[3].mean()}


@wrong("each_phase_changes_what_it_names_and_nothing_else", "trains 'critic'", "none of its parameters moved")
class DetachedCritic(Draws):
    def critic_terms(self, real, fake):
        return {"critic/adversarial": (fake.logits[0] - real.logits[0].mean()).mean().detach()}

    def judge(self, images, labels=None):
        verdict = super().judge(images)
        return Verdict(images, verdict.logits, verdict.features.detach())


@wrong("trains_in_bf16", "gan 'thing' of author", "bf16 autocast", "precision=fp32")
class NoBf16(Draws):
    def judge(self, images, labels=None):
        verdict = super().judge(images)
        return Verdict(images, verdict.logits, torch.zeros(len(images), 8).index_add(0, torch.arange(len(images)), verdict.features))


@wrong("seed_fixes_the_step", "two runs with one seed differ")
class OwnGenerator(Draws):
    generator_of_noise = torch.Generator().manual_seed(0)

    def draw(self, n, device):
        return torch.randn(n, self.noise_size, generator=self.generator_of_noise)


@wrong("leaves_the_seed_alone", "torch.manual_seed", "fork_rng")
class SeedsItsNoise(Draws):
    def generator_terms(self, fake, real=None):
        torch.manual_seed(0)
        return super().generator_terms(fake, real)


@wrong("state_survives_a_checkpoint", "CountsInItsLoss.steps", "step.progress")
class CountsInItsLoss(Draws):
    steps = 0

    def critic_terms(self, real, fake):
        self.steps += 1
        return {key: value * self.steps for key, value in super().critic_terms(real, fake).items()}


@wrong("state_survives_a_checkpoint", "HidesALayer.refine (a module that groups() does not name)")
class HidesALayer(Draws):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.refine = nn.Conv2d(self.channels, self.channels, 3, padding=1)

    def generate(self, ask):
        return self.refine(super().generate(ask)).tanh()


@wrong("settings_are_known", "'rmsprop'", "adamw")
class UnknownOptimizer(Draws):
    def optimizers(self):
        return {"critic": {"optimizer": "rmsprop"}}


@wrong("phases_train_known_groups", "gan 'thing' of author", "in phases")
class FailsInPhases(Draws):
    def phases(self):
        raise RuntimeError("not today")


@wrong("judges_pictures", "judges with a tuple", "Verdict(images, (logits,), features)")
class GivesNoVerdict(Draws):
    def judge(self, images, labels=None):
        verdict = super().judge(images)
        return verdict.logits, verdict.features
