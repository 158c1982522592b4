"""Calibrated scores and "none of these": fitted, saved, loaded, told by the card, and refused when they do not fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dazoo.contracts import ImageSet
from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo.models.calibrating import calibrate_model
from dazoo.models.card import render_card
from dazoo.models.load import load
from dazoo.models.model import Model
from dazoo.models.save import save
from dazoo.models.tensors import read_tensors


def pictures(n: int, seed: int, classes: tuple[str, ...], labelled: bool = True) -> ImageSet:
    """Plain colours, one for each class, with noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % len(classes)
    ground = np.eye(3)[labels][:, None, None] * 150 + 40
    images = np.clip(ground + rng.normal(0, 25, (n, 24, 24, 3)), 0, 255).astype(np.uint8)
    return ImageSet("colours", images, labels if labelled else None, classes)


def strangers(n: int) -> np.ndarray:
    """White pictures with noise, which are no class."""
    return np.random.default_rng(9).integers(220, 256, (n, 24, 24, 3)).astype(np.uint8)


@pytest.fixture
def sets(model: Model) -> list[ImageSet]:
    """Training, held-out and target pictures, which the model is taught first; its logits are far too sure afterwards."""
    train, held_out, target = (pictures(60, seed, model.classes) for seed in range(3))
    model.backbone.norm.bias.data += 1  # no class may end with features of zero length
    optimiser = torch.optim.Adam(model.backbone.parameters(), 0.02)
    images, labels = torch.from_numpy(train.images).permute(0, 3, 1, 2) / 127.5 - 1, torch.from_numpy(train.labels)
    for _ in range(30):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimiser.step()
    noisy = held_out.labels.copy()
    noisy[:12] = (noisy[:12] + 1) % 3  # a fifth is wrong, so the best temperature is well above 1
    model.eval()
    return [train, ImageSet("held out", held_out.images, noisy, model.classes), target]


def test_a_model_is_calibrated_on_the_held_out_source(model: Model, sets: list[ImageSet]) -> None:
    picture = sets[2].images[0]
    before = model.predict(picture)
    calibrate_model(model, *sets)
    facts = model.config["calibration"]
    assert model.temperature == facts["fitted"] > 1.5
    assert facts["source"]["ece"] < facts["source"]["ece_before"] and facts["source"]["n"] == 60
    after = model.predict(picture)
    assert after.label == before.label and after.score < before.score
    logits = model.reference(model.preprocess(picture))
    assert list(after.scores.values()) == pytest.approx((logits / model.temperature).softmax(1)[0].tolist(), abs=1e-5)
    assert model.dense(picture).amax() < 1 and torch.allclose(model.dense(picture).sum(0), torch.ones(5, 5), atol=1e-5)


def test_target_labels_are_counted_and_fit_nothing(model: Model, sets: list[ImageSet]) -> None:
    train, held_out, target = sets
    calibrate_model(model, train, held_out, target)
    first, bank = model.config["calibration"], model.familiar
    shuffled = ImageSet("t", target.images, (target.labels + 1) % 3, model.classes)
    calibrate_model(model, train, held_out, shuffled)
    second = model.config["calibration"]
    assert second["temperature"] == first["temperature"] and second["target"]["accuracy"] != first["target"]["accuracy"]
    assert torch.equal(bank.bank, model.familiar.bank) and torch.equal(bank.marks, model.familiar.marks)
    calibrate_model(model, train, held_out, target.unlabelled())
    assert "target" not in model.config["calibration"] and model.config["calibration"]["unknown"].keys() == {
        "keeps",
        "source_rejected",
        "target_rejected",
    }


def test_held_out_pictures_that_are_all_right_sharpen_nothing(model: Model, sets: list[ImageSet]) -> None:
    train, _, target = sets
    calibrate_model(model, train, target)
    facts = model.config["calibration"]
    assert facts["source"]["accuracy"] == 1 and facts["fitted"] < 0.2 and facts["temperature"] == model.temperature == 1
    card = render_card(model.config)
    assert "reads all of them right" in card and "nothing is sharpened" in card


def test_a_model_that_is_never_right_answers_without_none_of_these(model: Model, sets: list[ImageSet]) -> None:
    train, _, target = sets
    calibrate_model(model, train, ImageSet("wrong", target.images, (target.labels + 1) % 3, model.classes))
    assert model.familiar is None and "unknown" not in model.config["calibration"] and model.temperature > 5
    with pytest.raises(SettingsError, match="dazoo.calibrate"):
        model.predict(target.images[0], unknown=True)
    with pytest.raises(DataError, match="no labels"):
        calibrate_model(model, train, target.unlabelled())


def test_none_of_these(model: Model, sets: list[ImageSet]) -> None:
    calibrate_model(model, *sets)
    known = model.predict(sets[2].images, unknown=True)
    assert sum(p.unknown for p in known) <= 9 and all(p.familiar >= 0.05 for p in known if not p.unknown)
    strange = model.predict(strangers(20), unknown=True)
    assert sum(p.unknown for p in strange) >= 18
    one = next(p for p in strange if p.unknown)
    assert (one.label, one.index) == ("none of these", -1) and one.familiar < 0.05 and sum(one.scores.values()) == pytest.approx(1)
    assert "none of these" in repr(one) and one.to_dict()["familiar"] == one.familiar
    strict = sum(p.unknown for p in model.predict(sets[2].images, unknown=0.5))
    assert sum(p.unknown for p in known) < strict < 60
    plain = model.predict(sets[2].images)
    assert not any(p.unknown for p in plain) and plain[0].familiar is None
    for wrong in (0, 1.0, -0.1, 2):
        with pytest.raises(SettingsError, match="unknown is"):
            model.predict(sets[2].images, unknown=wrong)


def test_it_is_saved_and_loaded(model: Model, sets: list[ImageSet], tmp_path: Path) -> None:
    calibrate_model(model, *sets)
    model.pictures = {"calibration.png": b"png"}
    folder = save(model, tmp_path / "a")
    back = load(folder)
    assert back.config["calibration"] == json.loads(json.dumps(model.config["calibration"]))
    images = sets[2].images
    assert [p.to_dict() for p in back.predict(images, unknown=True)] == [p.to_dict() for p in model.predict(images, unknown=True)]
    card = (folder / "README.md").read_text()
    assert "expected calibration error" in card and "![Reliability curve](calibration.png)" in card and "none of these" in card
    again = save(back, tmp_path / "b")
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_a_model_without_has_temperature_1(model: Model, tmp_path: Path) -> None:
    assert model.temperature == 1 and "Nothing was fitted" in model.card
    folder = save(model, tmp_path / "m")
    assert "calibration" not in json.loads((folder / "config.json").read_text())["dazoo"] and load(folder).temperature == 1


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0},
        {"temperature": float("inf")},
        {"temperature": "1"},
        {"fitted": None},
        {"more": 1},
        {"unknown": {"keeps": 2}},
        {"source": {}},
        {"target": []},
    ],
    ids=str,
)
def test_a_calibration_out_of_bounds_is_refused(model: Model, sets: list[ImageSet], change: dict) -> None:
    calibrate_model(model, *sets)
    config = {**model.config, "calibration": {**model.config["calibration"], **change}}
    with pytest.raises(SettingsError, match="'calibration' is"):
        Model(model.backbone, config)


@pytest.mark.parametrize("damage", ["bytes", "shape", "order"])
def test_a_damaged_file_is_refused(model: Model, sets: list[ImageSet], tmp_path: Path, damage: str) -> None:
    from safetensors.torch import save_file

    from dazoo.plain import digest_of

    calibrate_model(model, *sets)
    folder = save(model, tmp_path / "m")
    file = folder / "familiar.safetensors"
    if damage == "bytes":
        file.write_bytes(file.read_bytes()[:-1] + b"\x00\x01")
    else:
        found = read_tensors(file)
        found["bank"] = found["bank"][:, :-1].contiguous() if damage == "shape" else found["bank"]
        found["marks"] = found["marks"].flip(0).contiguous() if damage == "order" else found["marks"]
        save_file(found, file)
        config = json.loads((folder / "config.json").read_text())
        config["dazoo"]["files"][file.name] = digest_of(file)
        (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="familiar.safetensors"):
        load(folder)
