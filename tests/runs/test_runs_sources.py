"""Training, evaluating and adapting on tables and data sets give what the folders give."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import Dataset

import dazoo
from dazoo.data.files import natural
from dazoo.runs.training import train
from tests.runs.test_runs_training import SMALL
from tests.runs.test_runs_training import folders as folders
from tests.runs.test_runs_training import same


class Files(Dataset):
    def __init__(self, folder, labelled=True):
        self.paths = sorted(folder.glob("*/*.png" if labelled else "*.png"), key=lambda p: natural(str(p)))
        self.classes = sorted({p.parent.name for p in self.paths}) if labelled else None

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        picture = Image.open(self.paths[i])
        return (picture, self.classes.index(self.paths[i].parent.name)) if self.classes else picture


@pytest.fixture
def lists(folders, tmp_path):
    for name in ("source", "labelled"):
        paths = sorted((folders / name).glob("*/*.png"), key=lambda p: natural(str(p)))
        (tmp_path / f"{name}.csv").write_text("".join(f"{p},{p.parent.name}\n" for p in paths))
    return tmp_path


def test_the_same_model_comes_from_a_folder_a_table_and_a_data_set(folders, lists, tmp_path):
    given = {"settings": {**SMALL, "crop": True}, "quiet": True, "source_only": False}
    one = train("fcn-dann", source=folders / "source", target=folders / "labelled", **given)
    two = train("fcn-dann", source=lists / "source.csv", target=lists / "labelled.csv", out=tmp_path / "run", **given)
    three = train("fcn-dann", source=Files(folders / "source"), target=Files(folders / "labelled"), **given)
    assert same(one.model, two.model) and same(one.model, three.model)
    assert one.numbers == two.numbers == three.numbers and one.numbers.n_target == 24
    again = train("fcn-dann", source=Files(folders / "source"), target=folders / "labelled", out=tmp_path / "run", **given)
    assert same(again.model, two.model), "what the pictures came in makes no other run"

    for target in (folders / "labelled", lists / "labelled.csv", Files(folders / "labelled")):
        assert dazoo.evaluate(two.folder, target=target).accuracy == pytest.approx(one.numbers.last)
    plain = train("fcn-source", source=folders / "source", target=folders / "loose", **given).model
    adapted = [
        dazoo.adapt(plain, t, method="tent_offline", settings={"epochs": 1}, quiet=True)
        for t in (folders / "loose", Files(folders / "loose", labelled=False))
    ]
    assert same(*adapted)


def test_a_table_calibrates_as_its_folder_does(folders, lists):
    model = train("fcn-source", source=folders / "source", target=folders / "loose", settings=SMALL, quiet=True).model
    facts = [
        dazoo.calibrate(deepcopy(model), source=source, target=target).config["calibration"]
        for source, target in ((folders / "source", folders / "loose"), (lists / "source.csv", Files(folders / "loose", labelled=False)))
    ]
    assert facts[0] == facts[1] and facts[0]["source"]["n"] == 3


def test_a_saved_model_crops_as_its_training_did(folders, tmp_path):
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, 16:32] = np.random.default_rng(0).integers(0, 256, (16, 16, 3))
    given = {"source": folders / "source", "target": folders / "loose", "quiet": True, "settings": SMALL}
    crops = dazoo.load(train("fcn-source", out=tmp_path / "a", **given).folder)
    squashes = dazoo.load(train("fcn-source", out=tmp_path / "b", **{**given, "settings": {**SMALL, "crop": False}}).folder)
    assert crops.config["crop"] is True and "crop" not in squashes.config
    middle = wide[:, 16:32]
    Image.fromarray(wide).save(tmp_path / "wide.png")
    for picture in (wide, Image.fromarray(wide), tmp_path / "wide.png"):
        assert (crops.preprocess(picture) == crops.preprocess(middle)).all()
        assert not (squashes.preprocess(picture) == squashes.preprocess(middle)).all()
    floats = crops.preprocess(wide)[0]
    assert (crops.preprocess(floats) == floats).all()
    adapted = dazoo.adapt(crops, folders / "loose", method="tent", settings={"batch": 8}, quiet=True)
    assert adapted.config["crop"] is True
