"""Settings of the second stage, and settings that are refused before a picture is read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dazoo.contracts import Logger
from dazoo.errors import DazooError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.registry.plugins import zoo
from dazoo.runs import training
from dazoo.runs.plan import make_plan
from dazoo.runs.rehearsing import rehearse
from dazoo.runs.training import train


SMALL = {"epochs": 1, "steps_per_epoch": 2, "batch": 4, "size": 16, "backbone.width": 4}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    root, rng = tmp_path_factory.mktemp("own"), np.random.default_rng(0)
    for label in ("red", "green"):
        for i in range(6):
            for place in (root / "source" / label / f"{i}.png", root / "loose" / f"{label}{i}.png"):
                place.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(place)
    return root


def go(folders: Path, name: str, settings: dict, **given):
    return train(name, source=folders / "source", target=folders / "loose", settings=SMALL | settings, quiet=True, device="cpu", **given)


class Stages(Logger):
    def __init__(self):
        self.seen = {}

    def stage(self, stage):
        self.seen[stage.name] = stage.epochs, stage.steps


def test_a_setting_of_the_second_stage_is_of_that_stage_alone(folders, tmp_path):
    stages, plain = Stages(), Stages()
    trained = go(folders, "fcn-tent_offline", {"adapt.epochs": 3, "adapt.steps_per_epoch": 2}, out=tmp_path / "run", callbacks=[stages])
    go(folders, "fcn-tent_offline", {}, out=tmp_path / "plain", callbacks=[plain])
    assert stages.seen == {"source": (1, 2), "adapt": (3, 6)} and plain.seen["source"] == (1, 2) and plain.seen["adapt"] != (3, 6)
    assert trained.model.config["settings"]["epochs"] == 3
    identity, without = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("run", "plain"))
    assert identity["adapt"] == {"epochs": 3, "steps_per_epoch": 2} and "adapt" not in without


@pytest.mark.parametrize(
    ("name", "setting", "said"),
    [
        ("fcn-dann", {"adapt.lr": 0.1}, "'fcn-dann' trains in one stage"),
        ("fcn-tent", {"adapt.size": 32}, "both stages see the same pictures"),
        ("fcn-tent", {"adapt.schedule": "linear"}, "streams: it is constant there"),
        ("fcn-tent_offline", {"adapt.learning_rate": 0.1}, "Did you mean 'lr'"),
        ("fcn-tent_offline", {"adapt.lr": -1}, "lr is -1.0; expected above 0"),
        ("fcn-tent_offline", {"adapt.validator": "sn"}, "Unknown validator 'sn'. Did you mean 'snd'"),
        ("fcn-dann", {"validator": "accuracy"}, "Unknown validator 'accuracy'"),
        ("fcn-dann", {"augment": "imagenet"}, "Unknown augmentation 'imagenet'. Expected one of digits, none, objects"),
        ("fcn-dann", {"learning_rate": 0.1}, "Did you mean 'lr'"),
        ("fcn-dann", {"batch_size": 8}, "Did you mean 'batch'"),
        ("fcn-dann", {"weight-decay": 0.1}, "Did you mean 'weight_decay'"),
        ("fcn-dann", {"method.wieght": 1}, "'wieght'. Did you mean 'weight'"),
        ("fcn-dann", {"backbone.widht": 3}, "'widht'. Did you mean 'width'"),
        ("fcn-dann", {"backbone.width": -1}, "cannot be built with backbone.width=-1"),
        ("fcn-dcgan", {"gan.widht": 3}, "Unknown setting 'gan.widht'"),
        ("fcn-dcgan", {"bridge.gide": 3}, "Unknown setting 'bridge.gide'. Did you mean 'guide'"),
        ("fcn-dann", {"size": 7}, "size is 7; expected 8 to 4,096 pixels"),
        ("fcn-dann", {"size": 10_000}, "size is 10000; expected 8 to 4,096 pixels"),
        ("fcn-dann", {"size": 12}, "takes pictures of at least 16 pixels per side; --set size=16"),
        ("timm_test_vit-dann", {"size": 12}, "takes pictures of at least 16 pixels per side; --set size=16"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_wrong_setting_is_refused_before_a_picture_is_read(name, setting, said, folders, tmp_path, monkeypatch):
    def read(*args, **kwargs):
        pytest.fail("pictures are read")

    monkeypatch.setattr("dazoo.runs.plan.own_domains", read)
    with pytest.raises(DazooError, match=said.replace("(", r"\(")) as caught:
        train(name, source=folders / "source", target=folders / "loose", settings=setting, quiet=True, out=tmp_path / "run")
    assert isinstance(caught.value, SettingsError | UnknownName) and not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["fcn-cyclegan-mcd-synsigns", "fcn-dcgan-cdan-synsigns", "timm_test_vit-mean_teacher-synsigns", "dtn-tent-mnist2usps"])
def test_sound_recipes_are_rehearsed_without_a_word(name):
    assert rehearse(make_plan(zoo(), name), zoo()) is None
    assert training.rehearse is rehearse
