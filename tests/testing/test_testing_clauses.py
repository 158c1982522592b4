"""The contract kit must catch what it is for: one broken part for each clause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import dazoo
import dazoo.bridges.plugin as bridges
from dazoo.augmentations import Augment
from dazoo.contracts import GAN
from dazoo.contracts import Augmentation
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Verdict
from dazoo.contracts.component import BACKBONE
from dazoo.contracts.component import HEAD
from dazoo.errors import SettingsError
from dazoo.registry.plugins import Plugins
from dazoo.testing import check
from dazoo.testing import clauses_of
from dazoo.testing.clauses import TITLES
from dazoo.testing.rehearsal import TinyBackbone


class WrongShape(TinyBackbone):
    def forward_features(self, x):
        return super().forward_features(x).flatten(2)


class OnlyMultiples(TinyBackbone):
    def forward_features(self, x):
        assert x.shape[2] % 16 == 0, "16 only"
        return super().forward_features(x)


class OtherDense(TinyBackbone):
    def dense(self, x):
        return super().dense(x).softmax(1)


class Idle(TinyBackbone):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.idle = nn.Linear(2, 2)


class Writes(TinyBackbone):
    def forward_features(self, x):
        return super().forward_features(x.relu_())


class AlwaysDrops(TinyBackbone):
    def pool(self, f):
        return nn.functional.dropout(super().pool(f), 0.5, training=True)


class Forgets(TinyBackbone):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.scale = float(torch.rand(()))

    def pool(self, f):
        return super().pool(f) * self.scale


class NoPickle(TinyBackbone):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.act = lambda x: x


class OwnRandom(TinyBackbone):
    generator = torch.Generator().manual_seed(0)

    def __init__(self, **settings):
        super().__init__(**settings)
        with torch.no_grad():
            self.head.bias.uniform_(generator=self.generator)


class Tied(TinyBackbone):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.twin = nn.Linear(8, self.num_classes)
        self.twin.weight = self.head.weight


class HeadInBody(TinyBackbone):
    def body_parameters(self):
        return list(self.parameters())


class NoArguments(TinyBackbone):
    def __init__(self, *, num_classes, in_channels=3):
        super().__init__(num_classes=num_classes, in_channels=3)


class OtherClassMap(TinyBackbone):
    def class_map(self, f):
        return super().class_map(f).softmax(1)


class OtherPositions(TinyBackbone):
    """Its pooling has a layer more than its positions."""

    def pool(self, f):
        return 2 * super().pool(f)


class PositionsInFront(TinyBackbone):
    def positions(self, f):
        return f

    def class_map(self, f):
        return self.head(f.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class WantsForOwnWhatNoRunHas(TinyBackbone):
    @classmethod
    def wants_for_own(cls, **arguments):
        return {"photographs": True}


class IsAtHandInWords(TinyBackbone):
    @classmethod
    def at_hand(cls, seconds=0.0, **arguments):
        return "in the cache"


class WantsWhatNoRunHas(TinyBackbone):
    @classmethod
    def wants(cls, **arguments):
        return {"side": 224}


class HasAPathInItsIdentity(TinyBackbone):
    @classmethod
    def identify(cls, **arguments):
        return {"pretrained": Path("weights.safetensors")}


class OptimizesOthers(TinyBackbone):
    def optimizers(self):
        return {"backbone": {"lr_factor": 0.1}}


class OptimizesOtherwise(TinyBackbone):
    def optimizers(self):
        return {"backbone.body": {"factor": 0.1}}


class FetchesWhatItDoesNotTake(TinyBackbone):
    fetches = ("pretrained",)


class Larger(TinyBackbone):
    """With what it fetches it has a layer more, so that a saved model would not load."""

    fetches = ("pretrained",)

    def __init__(self, *, pretrained=True, **settings):
        super().__init__(**settings)
        if pretrained:
            self.register_buffer("mean", torch.zeros(3))


BACKBONES = {
    NoArguments: "builds_from_defaults",
    WrongShape: "gives_the_shapes_at_any_size",
    OnlyMultiples: "gives_the_shapes_at_any_size",
    OtherDense: "class_map_is_the_classifier_at_each_place",
    OtherClassMap: "class_map_is_the_classifier_at_each_place",
    OtherPositions: "class_map_is_the_classifier_at_each_place",
    PositionsInFront: "class_map_is_the_classifier_at_each_place",
    WantsWhatNoRunHas: "says_what_it_wants",
    WantsForOwnWhatNoRunHas: "says_what_it_wants",
    IsAtHandInWords: "says_what_it_wants",
    HasAPathInItsIdentity: "says_what_it_wants",
    OptimizesOthers: "says_what_it_wants",
    OptimizesOtherwise: "says_what_it_wants",
    FetchesWhatItDoesNotTake: "is_rebuilt_without_fetching",
    Larger: "is_rebuilt_without_fetching",
    HeadInBody: "parts_into_body_and_head",
    Idle: "gradient_reaches_every_parameter",
    Writes: "leaves_its_input_alone",
    AlwaysDrops: "is_deterministic_in_eval_mode",
    Forgets: "survives_safetensors",
    Tied: "survives_safetensors",
    NoPickle: "survives_copy_and_pickle",
    OwnRandom: "seed_fixes_the_weights",
}


class Learns(Method):
    """Sound; the broken ones below change one thing."""

    reads = frozenset({"source", "target"})

    def __init__(self, problem):
        super().__init__(problem)
        self.critic = nn.Linear(problem.backbone.num_features, 1)

    def groups(self):
        return {"critic": self.critic}

    def phases(self):
        return [Phase("task", (*BACKBONE, "critic"), self.loss, reads=self.reads)]

    def loss(self, step):
        real = self.critic(step.source_outputs.features) - self.critic(step.target_outputs.features)
        return {"task": self.task_loss(step), "critic": real.square().mean()}


class UnknownPart(Learns):
    def phases(self):
        return [Phase("task", ("nobody",), self.loss, reads=self.reads)]


class NotFinite(Learns):
    def loss(self, step):
        return {"task": super().loss(step)["task"], "critic": (step.progress - 0.5) / torch.tensor(step.progress - 0.5)}


class Vector(Learns):
    def loss(self, step):
        return {"task": self.task_loss(step).expand(2)}


class WritesElsewhere(Learns):
    def phases(self):
        return [Phase("task", (HEAD,), self.loss, reads=self.reads)]

    def loss(self, step):
        with torch.no_grad():
            self.critic.weight.add_(1)
        return {"task": self.task_loss(step)}


class DeafCritic(Learns):
    def loss(self, step):
        return {"task": self.task_loss(step), "critic": 0 * sum(p.sum() for p in self.critic.parameters())}


class UnseededNoise(Learns):
    generator = torch.Generator().manual_seed(0)

    def loss(self, step):
        return {"task": self.task_loss(step) * (1 + torch.rand((), generator=self.generator)), "critic": self.critic.weight.square().sum()}


class HiddenState(Learns):
    def __init__(self, problem):
        super().__init__(problem)
        self.seen = 0

    def after_step(self, step):
        self.seen += 1

    def loss(self, step):
        terms = super().loss(step)
        return {**terms, "task": terms["task"] / (1 + 5 * self.seen)}


class StrangeSettings(Learns):
    defaults = {"learning_rate": 1.0}


class SourceFreeButReads(Learns):
    adapts_trained = True


class NoProblem(Learns):
    def __init__(self, problem):
        super().__init__(problem)
        self.problem = None


METHODS = {
    NoProblem: "builds_from_a_problem",
    UnknownPart: "phases_train_known_groups",
    SourceFreeButReads: "phases_train_known_groups",
    NotFinite: "terms_are_finite_named_scalars",
    Vector: "terms_are_finite_named_scalars",
    WritesElsewhere: "each_phase_changes_what_it_names_and_nothing_else",
    DeafCritic: "critic_and_backbone_both_learn",
    UnseededNoise: "seed_fixes_the_step",
    HiddenState: "state_survives_a_checkpoint",
    StrangeSettings: "settings_are_known",
}


class Draws(GAN):
    """Sound; the broken ones below change one thing."""

    takes = frozenset({"code"})
    num_critic_features = 8

    def __init__(self, **settings):
        super().__init__(**settings)
        pixels = self.channels * self.size**2
        self.generator = nn.Sequential(nn.Linear(self.code_size, pixels), nn.Tanh())
        self.body, self.verdict = nn.Sequential(nn.Linear(pixels, 8), nn.LeakyReLU()), nn.Linear(8, 1)

    def groups(self):
        return {"generator": self.generator, "critic": nn.ModuleList([self.body, self.verdict])}

    def generate(self, ask):
        return self.generator(ask.code).unflatten(1, (self.channels, self.size, self.size))

    def judge(self, images, labels=None):
        features = self.body(images.flatten(1))
        return Verdict(images, (self.verdict(features).squeeze(1),), features)


class OneSize(Draws):
    def __init__(self, **settings):
        super().__init__(**settings)
        assert self.size == 16


class TakesNothing(Draws):
    takes = {"noise"}


class OutOfRange(Draws):
    def generate(self, ask):
        return 3 * super().generate(ask)


GANS = {
    OneSize: "builds_from_a_problem",
    TakesNothing: "declares_what_it_takes",
    OutOfRange: "draws_pictures_in_range",
}


class Turns(Augmentation):
    """Sound; the broken ones below change one view."""

    weak = Augment(rotate=10)

    def strong(self, images):
        return self.weak(images) * torch.rand(len(images), 1, 1, 1)


class LeavesTheRange(Turns):
    def strong(self, images):
        return 3 * self.weak(images)


class ChangesItsInput(Turns):
    def weak(self, images):
        return images.mul_(torch.rand(len(images), 1, 1, 1))


class OneChannel(Turns):
    def weak(self, images):
        return images[:, :1] * torch.rand(len(images), 1, 1, 1)


def unchanged(images):
    return images


class BareFunction(Turns):
    """Python gives a bare function of a class the object in front of the images."""

    weak = unchanged


class OwnGenerator(Turns):
    generator = torch.Generator().manual_seed(0)

    def strong(self, images):
        return images * torch.rand(len(images), 1, 1, 1, generator=self.generator)


class SameInEveryStep(Turns):
    def strong(self, images):
        return images * torch.rand(len(images), 1, 1, 1, generator=torch.Generator().manual_seed(0))


class OneDrawForAll(Turns):
    def strong(self, images):
        return images * torch.rand(())


AUGMENTATIONS = {
    LeavesTheRange: "gives_images_like_those_it_takes",
    ChangesItsInput: "gives_images_like_those_it_takes",
    OneChannel: "gives_images_like_those_it_takes",
    BareFunction: "gives_images_like_those_it_takes",
    OwnGenerator: "seed_fixes_the_views",
    SameInEveryStep: "seed_fixes_the_views",
    OneDrawForAll: "draws_for_each_image",
}


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch, fresh_zoo: Plugins) -> Callable[[str, type], str]:
    """Makes a class of this file a registered name."""

    def brings(kind: str, cls: type) -> str:
        monkeypatch.setattr(dazoo, "_of_a_test", cls, raising=False)

        @dazoo.hookimpl
        def hook(register):
            register("thing", "dazoo:_of_a_test")

        fresh_zoo.load(lambda: SimpleNamespace(dazoo_api=1, **{f"dazoo_register_{kind}s": hook}), dist="author")
        fresh_zoo.load(lambda: bridges, dist="dazoo")
        monkeypatch.setattr("dazoo.registry.plugins._zoo", fresh_zoo)
        return "thing"

    return brings


@pytest.mark.parametrize("cls", BACKBONES, ids=lambda cls: cls.__name__)
def test_broken_backbones(cls: type, register: Callable[[str, type], str]) -> None:
    assert BACKBONES[cls] in check("backbone", register("backbone", cls))


@pytest.mark.parametrize("cls", METHODS, ids=lambda cls: cls.__name__)
def test_broken_methods(cls: type, register: Callable[[str, type], str]) -> None:
    assert METHODS[cls] in check("method", register("method", cls))


@pytest.mark.parametrize("cls", GANS, ids=lambda cls: cls.__name__)
def test_broken_gans(cls: type, register: Callable[[str, type], str]) -> None:
    assert GANS[cls] in check("gan", register("gan", cls))


@pytest.mark.parametrize("cls", AUGMENTATIONS, ids=lambda cls: cls.__name__)
def test_broken_augmentations(cls: type, register: Callable[[str, type], str]) -> None:
    assert AUGMENTATIONS[cls] in check("augmentation", register("augmentation", cls))


def test_a_sound_augmentation_passes(register: Callable[[str, type], str]) -> None:
    assert check("augmentation", register("augmentation", Turns)) == {}


def test_a_sound_backbone_passes(register: Callable[[str, type], str]) -> None:
    assert check("backbone", register("backbone", TinyBackbone)) == {}


def test_a_sound_method_passes(register: Callable[[str, type], str]) -> None:
    assert check("method", register("method", Learns)) == {}


def test_a_sound_gan_passes(register: Callable[[str, type], str]) -> None:
    assert check("gan", register("gan", Draws)) == {}


def test_every_clause_of_these_kinds_can_fail() -> None:
    """A clause without a broken example here would be a clause that nobody has seen fail."""
    assert set(TITLES["backbone"]) == set(BACKBONES.values())
    assert set(TITLES["method"]) == set(METHODS.values())
    assert set(TITLES["augmentation"]) == set(AUGMENTATIONS.values())


PLUGIN = """
from dazoo import hookimpl
dazoo_api = 1

@hookimpl
def dazoo_register_backbones(register):
    {body}
"""
BROKEN_PLUGINS = {
    "import no_such_module_anywhere": "loads",
    "import wave; register('a', 'dazoo.testing.rehearsal:TinyBackbone', summary='s')": "imports_nothing_heavy",
    "register('a', 'dazoo.testing.rehearsal:Nothing', summary='s')": "targets_resolve",
    "register('a', 'dazoo.testing.rehearsal:TinyBackbone')": "says_what_it_brings",
}


@pytest.mark.parametrize("body", BROKEN_PLUGINS)
def test_broken_plugins(body: str, install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dazoo.testing.of_plugins.HEAVY", ("wave",))  # light to import, and nobody else does
    site = install("bad-author", PLUGIN.format(body=body))
    monkeypatch.setattr("dazoo.registry.plugins._zoo", Plugins(path=[str(site)], environ={}).discover())
    assert BROKEN_PLUGINS[body] in check("plugin", "bad-author:bad_author")


def test_unknown_kinds_and_patterns_are_named() -> None:
    with pytest.raises(SettingsError, match="no contract for 'bridge'; expected one of plugin, backbone"):
        clauses_of("bridge")
    with pytest.raises(SettingsError, match="No backbone matches 'nothing_\\*'"):
        clauses_of("backbone", "nothing_*")


def test_ids_name_the_part_and_the_clause() -> None:
    ids = [str(c) for c in clauses_of("backbone", ["lenet", "dtn"])]
    assert "lenet-seed_fixes_the_weights" in ids and len(ids) == len(set(ids)) == 2 * len(TITLES["backbone"])
