"""At run time a plugin that fails is that plugin's own failure: named, with its part, its phase and what to do, and nobody else's."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import dazoo
from dazoo.cli.main import main
from dazoo.contracts import BACKBONE
from dazoo.contracts import BOTH
from dazoo.contracts import Augmentation
from dazoo.contracts import Dataset
from dazoo.contracts import ImageSet
from dazoo.contracts import Logger
from dazoo.contracts import Method
from dazoo.contracts import Phase
from dazoo.contracts import Scenario
from dazoo.contracts import Validator
from dazoo.data import load_scenario
from dazoo.errors import DataError
from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.errors import TrainingError
from dazoo.registry import plugins as plugins_module
from dazoo.registry.plugins import KINDS
from dazoo.registry.plugins import Plugins
from dazoo.runs.stages import validators_of
from dazoo.runs.telling import build_loggers


sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
sys.path.insert(0, str(Path(__file__).parents[1] / "testing"))
import toy  # noqa: E402
from wrong_plugins import backbones  # noqa: E402
from wrong_plugins import gans  # noqa: E402
from wrong_plugins import methods  # noqa: E402


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plugins]:
    """Registers classes as "thing", "thing_2", ... of the distribution "author", beside all that is installed."""

    def brings(kind: str, *classes: type) -> Plugins:
        found = Plugins().discover()
        plural = next(plural for plural, (one, _) in KINDS.items() if one == kind)
        for cls in classes:
            monkeypatch.setattr(dazoo, f"_{cls.__name__}", cls, raising=False)

        @dazoo.hookimpl
        def hook(register: Any) -> None:
            for number, cls in enumerate(classes, 1):
                register("thing" if number == 1 else f"thing_{number}", f"dazoo:_{cls.__name__}")

        loaded = found.load(lambda: SimpleNamespace(dazoo_api=1, **{f"dazoo_register_{plural}": hook}), dist="author", version="1.0")
        assert loaded.ok, loaded.error
        monkeypatch.setattr(plugins_module, "_zoo", found)
        return found

    return brings


class Subtracts(Method):
    """Right alone, and wrong beside a GAN that adds pictures to the source batch."""

    def phases(self):
        return [Phase("task", BACKBONE, self.loss, reads=BOTH)]

    def loss(self, step):
        apart = step.source_outputs.features - step.target_outputs.features
        return {"task": self.task_loss(step), "apart": apart.square().mean()}


@pytest.mark.parametrize(
    ("kind", "cls", "recipe", "words"),
    [
        ("method", methods.UsesATargetThatItDoesNotRead, "fcn-thing", "The method 'thing' of author 1.0, in phase 'task': .*add 'target' to `reads`"),
        ("method", methods.WantsTargetLabels, "fcn-thing", "'thing' of author 1.0 fails in phase 'task': AttributeError: A target batch has no 'labels'"),
        ("method", methods.VectorAsTerm, "fcn-thing", r"in phase 'task': the loss term 'task' has the shape \(2,\); .*give its .mean\(\)"),
        ("method", methods.TeacherWithoutAnAverage, "fcn-thing", r'say `defaults = \{"ema": 0.99\}` in the class, or ask step.opinion'),
        ("method", methods.GroupsAsText, "fcn-thing", "The method 'thing' of author 1.0, in phases: Phase 'task': groups is 'backbone.body'; expected a tuple"),
        ("method", Subtracts, "fcn-cyclegan-thing", r"need not be of one size \(here 9 and 6\)"),
        ("gan", gans.FailsInItsLoss, "fcn-thing", "The gan 'thing' of author 1.0 fails in phase 'critic' of the bridge 'generate_to_adapt' of dazoo"),
        ("gan", gans.OtherCriticFeatures, "fcn-thing", "The gan 'thing' of author 1.0 judges with features .* num_critic_features is 5"),
        ("gan", gans.GroupCalledDecoder, "fcn-thing", "names begin with 'generator' or 'critic'"),
        ("backbone", backbones.IgnoresTheClasses, "thing-dann", "The backbone 'thing' of author 1.0 answers with 10 scores a picture, but there are 3 classes"),
        ("backbone", backbones.OtherChannelCount, "thing-dann", "The backbone 'thing' of author 1.0 gives features .*set num_features to the channels"),
    ],
    ids=lambda v: v.__name__ if isinstance(v, type) else "",
)
def test_training_names_plugin_phase_and_remedy(kind: str, cls: type, recipe: str, words: str, bring: Callable[..., Plugins]) -> None:
    bring(kind, cls)
    settings = {**toy.SMALL, "precision": "fp32"}
    if kind == "backbone":
        del settings["backbone.width"]
    if "cyclegan" in recipe:
        settings |= {"gan.width": 4, "gan.blocks": 1, "bridge.start": 0.0}
    with pytest.raises(PluginError, match=words):
        toy.run_plain(recipe, settings)


class Fine(Validator):
    reads_source = False

    def __call__(self, evidence):
        return 1.0


class Raises(Fine):
    def __call__(self, evidence):
        raise ValueError("boom")


class GivesNone(Fine):
    def __call__(self, evidence):
        return None


class GivesNaN(Fine):
    def __call__(self, evidence):
        return float("nan")


class CannotBeBuilt(Fine):
    def __init__(self):
        raise RuntimeError("no licence")


def test_validators_that_fail_are_left_out_by_name_and_training_goes_on(bring: Callable[..., Plugins]) -> None:
    bring("validator", Fine, Raises, GivesNone, GivesNaN, CannotBeBuilt)
    with pytest.warns(UserWarning) as said:
        result = toy.run_plain("fcn-dann", toy.SMALL)
    told = [str(w.message) for w in said if "left out" in str(w.message)]
    assert told == [
        "The validator 'thing_5' of author 1.0 is left out: RuntimeError: no licence",
        "The validator 'thing_2' of author 1.0 fails and is left out: ValueError: boom",
        "The validator 'thing_3' of author 1.0 fails and is left out: ValueError: it gives None; expected a float",
        "The validator 'thing_4' of author 1.0 fails and is left out: ValueError: it gives nan; expected a number, or -inf for a model that "
        "must not be chosen",
    ]
    assert all({"thing", "entropy"} <= set(scores) and not {"thing_2", "thing_3", "thing_4"} & set(scores) for scores in result.history.scores)


@pytest.mark.parametrize("name", ["thing", "thing_2", "thing_3"])
def test_the_validator_that_chooses_stops_the_run_by_name(name: str, bring: Callable[..., Plugins]) -> None:
    bring("validator", Raises, GivesNone, GivesNaN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TrainingError, match=f"The validator '{name}' of author 1.0, which chooses the checkpoint, fails: .*--set validator=NAME"):
            toy.run_plain("fcn-dann", {**toy.SMALL, "validator": name})


def test_a_validator_that_chooses_and_cannot_be_built(bring: Callable[..., Plugins]) -> None:
    found = bring("validator", CannotBeBuilt)
    with pytest.raises(PluginError, match="The validator 'thing' of author 1.0 cannot be built: RuntimeError: no licence"):
        validators_of(found, "thing")


class NotFound(Dataset):
    classes = ("a", "b")

    def load(self, split, root, *, size, download=False):
        raise FileNotFoundError("x.npz")


class NoClasses(Dataset):
    classes = None


class ADict(NotFound):
    def load(self, split, root, *, size, download=False):
        return {"images": []}


class NoConstructor(NotFound):
    def __init__(self):
        raise RuntimeError("no licence")


class Sound(NotFound):
    def load(self, split, root, *, size, download=False):
        return ImageSet("sound", np.zeros((4, size, size, 3), np.uint8), np.array([0, 1, 0, 1]), self.classes)


def test_data_sets_that_fail_are_broken_alone(bring: Callable[..., Plugins], capsys: pytest.CaptureFixture[str]) -> None:
    found = bring("dataset", NotFound, NoClasses, ADict, NoConstructor, Sound)
    names = ["thing", "thing_2", "thing_3", "thing_4", "thing_5"]
    found.datasets._brought = {name: found.datasets._brought[name] for name in names}  # the others take seconds
    assert main(["data", "list"]) == 0
    out = capsys.readouterr().out
    assert [line.split("\t")[:3] for line in out.splitlines()[:5]] == [*([name, "broken", ""] for name in names[:4]), ["thing_5", "found", "4"]]
    assert "The dataset 'thing' of author 1.0 fails to load 'train': FileNotFoundError: x.npz" in out
    assert "The dataset 'thing_3' of author 1.0 gives a dict for 'train'; expected a dazoo.contracts.ImageSet" in out
    assert "The dataset 'thing_4' of author 1.0 fails: RuntimeError: no licence" in out
    for name, words in (("thing", "fails to load"), ("thing_2", "has classes None"), ("thing_3", "gives a dict"), ("thing_4", "cannot be built")):
        with pytest.raises(DataError, match=f"'{name}'.*{words}"):
            load_scenario(Scenario(source=name, target=name), size=16, zoo=found)


class Refuses(Logger):
    def __init__(self):
        raise RuntimeError("no account")


class Polite(Logger):
    def __init__(self):
        raise SettingsError("Install nothing.")


def test_a_logger_that_cannot_be_built_is_named(bring: Callable[..., Plugins]) -> None:
    found = bring("logger", Refuses, Polite)
    with pytest.raises(PluginError, match="The logger 'thing' of author 1.0 cannot be built: RuntimeError: no account. Train without --log thing"):
        build_loggers(found, ["thing"])
    with pytest.raises(SettingsError, match="Install nothing"):
        build_loggers(found, ["thing_2"])


class Tears(Augmentation):
    def strong(self, images):
        return images[:, 7]


class TearsAlways(Augmentation):
    def weak(self, images):
        raise RuntimeError("torn")


def test_an_augmentation_that_fails_is_named(bring: Callable[..., Plugins]) -> None:
    bring("augmentation", Tears, TearsAlways)
    with pytest.raises(PluginError, match="The augmentation 'thing' of author 1.0 fails in its strong view: IndexError"):
        toy.run_plain("fcn-mean_teacher", {**toy.SMALL, "augment": "thing"})
    with pytest.raises(PluginError, match="The augmentation 'thing_2' of author 1.0 fails in its weak view: RuntimeError: torn"):
        toy.run_plain("fcn-dann", {**toy.SMALL, "augment": "thing_2"})


def test_memory_that_runs_out_stays_what_it_is(bring: Callable[..., Plugins]) -> None:
    """The benchmark halves the batch then; it must still see what happened."""

    class Hungry(methods.Learns):
        def loss(self, step):
            raise torch.OutOfMemoryError("none left")

    bring("method", Hungry)
    with pytest.raises(torch.OutOfMemoryError):
        toy.run_plain("fcn-thing", toy.SMALL)


def test_a_phase_that_trains_nothing_is_told_once(bring: Callable[..., Plugins]) -> None:
    bring("method", methods.DetachedLoss)
    with pytest.warns(UserWarning) as said:
        toy.run_plain("fcn-thing", {**toy.SMALL, "steps_per_epoch": 15})
    told = [str(w.message) for w in said if "trained nothing" in str(w.message)]
    assert told == [
        "Phase 'task' of the method 'thing' of author 1.0 has trained nothing in 20 steps: its loss does not depend on backbone.body, "
        "backbone.head, critic. Is something detached, or computed under torch.no_grad()?"
    ]
