"""Wrong methods."""

from __future__ import annotations

import random

import torch
from torch import nn

from dazoo.contracts import BACKBONE
from dazoo.contracts import BOTH
from dazoo.contracts import HEAD
from dazoo.contracts import SOURCE
from dazoo.contracts import TARGET
from dazoo.contracts import Method
from dazoo.contracts import Phase
from wrong_plugins import Collection


wrong = Collection("method")


class Learns(Method):
    """Sound; the wrong ones below change one thing."""

    reads = BOTH

    def __init__(self, problem):
        super().__init__(problem)
        self.critic = nn.Linear(problem.backbone.num_features, 1)

    def groups(self):
        return {"critic": self.critic}

    def phases(self):
        return [Phase("task", (*BACKBONE, "critic"), self.loss, reads=self.reads)]

    def loss(self, step):
        apart = self.critic(step.source_outputs.features).mean() - self.critic(step.target_outputs.features).mean()
        return {"task": self.task_loss(step), "critic": self.critic.weight.square().sum() + apart.square()}


class Follows(Learns):
    """Sound: a teacher is asked for, and there is one."""

    defaults = {"ema": 0.9}

    def loss(self, step):
        return {**super().loss(step), "teacher": step.teacher(step.source.images).mean() + step.opinion(step.source.images).mean()}


RIGHT = [Learns, Follows]


@wrong("builds_from_a_problem", "does not hand its problem", "super().__init__(problem)")
class HidesItsProblem(Learns):
    def __init__(self, problem):
        super().__init__(problem)
        self.problem = None


@wrong("builds_from_a_problem", "super().__init__(problem)")
class ForgetsTheBaseConstructor(Learns):
    def __init__(self, problem):
        self.critic = nn.Linear(problem.backbone.num_features, 1)


@wrong("builds_from_a_problem", "weight", "It takes")
class SettingWithoutADefault(Learns):
    def __init__(self, problem, *, weight):
        super().__init__(problem)


@wrong("phases_train_known_groups", "method 'thing' of author", "trains ['nobody']", "groups are")
class UnknownGroup(Learns):
    def phases(self):
        return [Phase("task", ("nobody",), self.loss, reads=self.reads)]


@wrong("phases_train_known_groups", "thing", "phases", "groups is 'backbone.body'", "tuple")
class GroupsAsText(Learns):
    def phases(self):
        return [Phase("task", "backbone.body", self.loss, reads=self.reads)]


@wrong("phases_train_known_groups", "thing", "reads is 'source'", "set of names")
class ReadsAsText(Learns):
    reads = "source"


@wrong("phases_train_known_groups", "reads ['weak']", "source, strong, target")
class ReadsAnUnknownView(Learns):
    reads = frozenset({"source", "weak"})


@wrong("phases_train_known_groups", "adapts a trained model without a source", "reads it")
class ReadsASourceThatIsNotThere(Learns):
    adapts_trained = True


@wrong("phases_train_known_groups", 'none called "task"')
class NoPhaseCalledTask(Learns):
    def phases(self):
        return [Phase("learn", (*BACKBONE, "critic"), self.loss, reads=self.reads)]


@wrong("phases_train_known_groups", "no phase")
class NoPhase(Learns):
    def phases(self):
        return []


@wrong("settings_are_known", "learning_rate", "Did you mean 'lr'")
class UnknownDefault(Learns):
    defaults = {"learning_rate": 1.0}


@wrong("settings_are_known", "ema is 2", "[0, 1)")
class DefaultOutOfRange(Learns):
    defaults = {"ema": 2.0}


@wrong("settings_are_known", "'rmsprop'", "optimizer in", "adamw")
class UnknownOptimizer(Learns):
    def optimizers(self):
        return {"critic": {"optimizer": "rmsprop"}}


@wrong("settings_are_known", "'critics'", "groups are")
class OptimizerOfNobody(Learns):
    def optimizers(self):
        return {"critics": {"lr": 1e-3}}


@wrong("settings_are_known", "learning_rate", "lr_factor")
class OptimizerWithAnUnknownKey(Learns):
    def optimizers(self):
        return {"critic": {"learning_rate": 1e-3}}


@wrong("terms_are_finite_named_scalars", "method 'thing' of author", "phase 'task'", "add 'target' to `reads`")
class UsesATargetThatItDoesNotRead(Learns):
    reads = SOURCE


@wrong("terms_are_finite_named_scalars", "'task' has the shape", ".mean()", "phase 'task'")
class VectorAsTerm(Learns):
    def loss(self, step):
        return {"task": self.task_loss(step).expand(2)}


@wrong("terms_are_finite_named_scalars", "'critic' is nan", "progress")
class NotANumber(Learns):
    def loss(self, step):
        return {**super().loss(step), "critic": (step.progress - 0.5) / torch.tensor(step.progress - 0.5)}


@wrong("terms_are_finite_named_scalars", "gives None", "expected named scalars", "thing", "phase 'task'")
class GivesNone(Learns):
    def loss(self, step):
        super().loss(step)


@wrong("terms_are_finite_named_scalars", "gives a Tensor", "expected named scalars")
class GivesABareTensor(Learns):
    def loss(self, step):
        return super().loss(step)["task"]


@wrong("terms_are_finite_named_scalars", "'task' is a float", "no gradient")
class GivesAFloat(Learns):
    def loss(self, step):
        return {"task": self.task_loss(step).item()}


@wrong("terms_are_finite_named_scalars", "gives no term", "begin=")
class RestsWithoutSayingSo(Learns):
    def loss(self, step):
        return super().loss(step) if step.progress > 0.4 else {}


@wrong("terms_are_finite_named_scalars", "target batch has no 'labels'", "thing", "phase 'task'")
class WantsTargetLabels(Learns):
    def loss(self, step):
        return {"task": nn.functional.cross_entropy(step.target_outputs.logits, step.target.labels)}


@wrong("terms_are_finite_named_scalars", "no 'target_labels'", "a loss sees source, target")
class WantsLabelsOfTheStep(Learns):
    def loss(self, step):
        return {"task": nn.functional.cross_entropy(step.target_outputs.logits, step.target_labels)}


@wrong("terms_are_finite_named_scalars", "step.teacher is None", 'defaults = {"ema": 0.99}', "step.opinion")
class TeacherWithoutAnAverage(Learns):
    def loss(self, step):
        return {**super().loss(step), "teacher": step.teacher(step.target.images).mean()}


@wrong("terms_are_finite_named_scalars", "thing", "phase 'task'", "num_features")
class CriticOfAnotherWidth(Learns):
    def __init__(self, problem):
        super().__init__(problem)
        self.critic = nn.Linear(problem.backbone.num_features + 1, 1)


@wrong("terms_are_finite_named_scalars", "thing", "phase 'task'", "KeyError: 'shared'")
class ReadsWhatNobodyKept(Learns):
    def loss(self, step):
        return {"task": step.kept["shared"]}


@wrong("each_phase_changes_what_it_names_and_nothing_else", "does not train 'critic'", "parameters changed")
class ChangesAnotherGroup(Learns):
    def phases(self):
        return [Phase("task", (HEAD,), self.loss, reads=self.reads)]

    def loss(self, step):
        with torch.no_grad():
            self.critic.weight.add_(1)
        return {"task": self.task_loss(step)}


@wrong("each_phase_changes_what_it_names_and_nothing_else", "none of its parameters moved", "detached")
class DetachedLoss(Learns):
    def loss(self, step):
        return {key: value.detach() for key, value in super().loss(step).items()}


@wrong("critic_and_backbone_both_learn", "['critic'] had no gradient")
class DeafCritic(Learns):
    def loss(self, step):
        return {"task": self.task_loss(step), "critic": 0 * sum(p.sum() for p in self.critic.parameters())}


@wrong("critic_and_backbone_both_learn", "['discriminator'] had no gradient", "no phase trains them")
class TrainsItsDiscriminatorNowhere(Learns):
    def groups(self):
        return {"discriminator": self.critic}

    def phases(self):
        return [Phase("task", BACKBONE, self.loss, reads=self.reads)]


@wrong("reads_what_it_says", "runs the learning network on target pictures", "add 'target'")
class RunsTheTargetByHand(Learns):
    reads = SOURCE

    def loss(self, step):
        features = step.backbone.pool(step.backbone.forward_features(step.target.images))
        return {"task": self.task_loss(step), "critic": self.critic(features).mean() ** 2}


@wrong("leaves_the_batch_alone", "step.target.images", "in place")
class ChangesTheTargetInPlace(Learns):
    def loss(self, step):
        step.target.images.mul_(0.5)
        return super().loss(step)


@wrong("leaves_the_batch_alone", "step.source.labels", "in place")
class ChangesTheLabelsInPlace(Learns):
    def after_step(self, step):
        step.source.labels.zero_()


@wrong("takes_batches_of_different_sizes", "need not be of one size", "(here 9 and 6)", "phase 'task'")
class SubtractsBatches(Learns):
    def loss(self, step):
        apart = step.source_outputs.features - step.target_outputs.features
        return {**super().loss(step), "apart": apart.square().mean()}


@wrong("trains_in_bf16", "thing", "phase 'task'", "bf16 autocast", "precision=fp32")
class NoBf16(Learns):
    def loss(self, step):
        scores = self.critic(step.source_outputs.features)  # (N, 1)
        return {**super().loss(step), "classes": torch.zeros(3, 1).index_add(0, step.source.labels, scores).square().sum()}


@wrong("seed_fixes_the_step", "two runs with one seed differ", "global generator")
class OwnGenerator(Learns):
    generator = torch.Generator().manual_seed(0)

    def loss(self, step):
        return {**super().loss(step), "noise": self.critic.weight.sum() * torch.rand((), generator=self.generator)}


@wrong("seed_fixes_the_step", "two runs with one seed differ", "global generator")
class PythonsGenerator(Learns):
    def loss(self, step):
        return {**super().loss(step), "noise": self.critic.weight.sum() * random.SystemRandom().random()}


@wrong("leaves_the_seed_alone", "torch.manual_seed", "fork_rng")
class SeedsInTheLoss(Learns):
    def loss(self, step):
        torch.manual_seed(0)
        return super().loss(step)


@wrong("state_survives_a_checkpoint", "CountsInAnAttribute.seen", "step.progress")
class CountsInAnAttribute(Learns):
    def __init__(self, problem):
        super().__init__(problem)
        self.seen = 0

    def after_step(self, step):
        self.seen += 1

    def loss(self, step):
        terms = super().loss(step)
        return {**terms, "task": terms["task"] / (1 + 5 * self.seen)}


@wrong("state_survives_a_checkpoint", "MeanInAnAttribute.mean", "buffers of modules")
class MeanInAnAttribute(Learns):
    def __init__(self, problem):
        super().__init__(problem)
        self.mean = torch.zeros(problem.backbone.num_features)

    def loss(self, step):
        terms = super().loss(step)
        self.mean = 0.5 * self.mean + step.source_outputs.features.detach().mean(0)
        return {**terms, "mean": (step.source_outputs.features - self.mean).square().mean()}


@wrong("state_survives_a_checkpoint", "ModuleOutsideTheGroups.projector (a module that groups() does not name)")
class ModuleOutsideTheGroups(Learns):
    def __init__(self, problem):
        super().__init__(problem)
        self.projector = nn.Linear(problem.backbone.num_features, 4)

    def loss(self, step):
        return {**super().loss(step), "projector": self.projector(step.source_outputs.features).square().mean()}


@wrong("phases_train_known_groups", "'task'", "repeat=0", "1 or more")
class RepeatsNoTime(Learns):
    def phases(self):
        return [Phase("task", (*BACKBONE, "critic"), self.loss, reads=self.reads, repeat=0)]


@wrong("phases_train_known_groups", "from 0.5 to 0.2", "begin < end")
class EndsBeforeItBegins(Learns):
    def phases(self):
        return [Phase("task", BACKBONE, self.loss, reads=self.reads, begin=0.5, end=0.2)]


@wrong("builds_from_a_problem", "names of the backbone and the averages are taken")
class TakesTheBackbonesName(Learns):
    def groups(self):
        return {"backbone": self.critic}


@wrong("terms_are_finite_named_scalars", "asks for the source batch", "adapts_trained")
class ReadsTheSourceByHand(Method):
    adapts_trained = True

    def phases(self):
        return [Phase("adapt", BACKBONE, lambda step: {"adapt": step.source.images.mean()}, reads=TARGET)]


@wrong("terms_are_finite_named_scalars", "fails in after_step", "ValueError: too late")
class FailsAfterTheStep(Learns):
    def after_step(self, step):
        raise ValueError("too late")
