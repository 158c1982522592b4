"""Streams and models that answer with heads of their own, as a user meets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import dazoo
from dazoo.errors import PictureError
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo.models.model import Model
from dazoo.models.verify import verify
from dazoo.runs.training import train


SMALL = {"epochs": 1, "steps_per_epoch": 3, "batch": 6, "size": 16, "backbone.width": 4, "augment": "none"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    place = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for side, n in (("source", 8), ("target", 6)):
        for k, name in enumerate(("a", "b", "c")):
            (place / side / name).mkdir(parents=True)
            for i in range(n):
                pixels = rng.integers(60, 200, (20, 24, 3), dtype=np.uint8)
                pixels[:, :, k] = 255
                Image.fromarray(pixels).save(place / side / name / f"{i}.png")
    return place


def trained(folders: Path, name: str, out: Path | None = None) -> Model:
    return train(name, source=folders / "source", target=folders / "target", settings=SMALL, out=out, quiet=True, source_only=False).model


def pictures(n: int = 6) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (n, 20, 24, 3), dtype=np.uint8)


def test_a_stream_answers_adapts_and_forgets(folders: Path) -> None:
    model = trained(folders, "fcn-source")
    before = {k: v.clone() for k, v in model.state_dict().items()}
    answer = dazoo.stream(model, method="tent", device="cpu", settings={"lr": 0.05})
    first = [p.score for p in answer(pictures())]
    second = [p.score for p in answer(pictures())]
    assert len(first) == 6 and first != second and answer.number == 2
    answer.reset()
    assert [p.score for p in answer(pictures())] == first
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items()), "the model itself stays as it was"
    with pytest.raises(PictureError, match="batch of a stream is empty"):
        answer([])


def test_a_stream_needs_a_method_that_streams(folders: Path) -> None:
    model = trained(folders, "fcn-source")
    with pytest.raises(SettingsError, match=r"'tent_offline' goes over the pictures several times: use dazoo.adapt. Methods that stream: tent"):
        dazoo.stream(model, method="tent_offline")
    with pytest.raises(SettingsError, match="'dann' needs labelled source pictures: use dazoo.train"):
        dazoo.stream(model, method="dann")
    with pytest.raises(SettingsError, match="Unknown setting 'lrr'"):
        dazoo.stream(model, settings={"lrr": 1.0})


def test_adapt_with_a_method_that_streams_gives_the_model_at_the_end(folders: Path, tmp_path: Path) -> None:
    model = trained(folders, "fcn-source")
    adapted = dazoo.adapt(model, folders / "target", method="tent", device="cpu", quiet=True, out=tmp_path / "adapted")
    assert not torch.equal(adapted.backbone.fc7[1].weight, model.backbone.fc7[1].weight)
    assert dazoo.load(tmp_path / "adapted").recipe["method"] == "tent"
    assert "gan_settings" not in adapted.config


def test_a_model_with_heads_of_its_own_is_saved_loaded_and_evaluated_with_them(folders: Path, tmp_path: Path) -> None:
    model = trained(folders, "fcn-mcd", tmp_path / "run")
    again = dazoo.load(tmp_path / "run" / "model")
    images = pictures()
    for ours, before in zip(again.predict(images), model.predict(images), strict=True):
        assert ours.label == before.label and ours.score == pytest.approx(before.score, abs=1e-6)
    features = again.read(again.preprocess(images)).features
    with torch.no_grad():
        own, unused = again.method.answer(features), again.backbone.head(features)
        torch.testing.assert_close(again(again.preprocess(images)), own)
        assert not torch.allclose(own, unused), "the backbone's own head takes no part"
    assert verify(tmp_path / "run" / "model").difference < 1e-6
    found = dazoo.evaluate(again, target=folders / "target", device="cpu")
    assert found.accuracy == pytest.approx(np.mean([p.label == "abc"[k // 6] for k, p in enumerate(labelled(again, folders))]))
    assert again.dense(pictures(1)[0]).shape[0] == 3
    with pytest.raises(SettingsError, match="answers with the heads of its method 'mcd'"):
        dazoo.adapt(again, folders / "target", method="tent")
    (tmp_path / "run" / "model" / "method.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"method.safetensors is missing"):
        dazoo.load(tmp_path / "run" / "model")


def labelled(model: Model, folders: Path) -> list:
    return model.predict([folders / "target" / name / f"{i}.png" for name in "abc" for i in range(6)])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fcn-cyclegan", r"size is 8, but the backbone 'fcn' takes pictures of at least 16 pixels per side; --set size=16"),
        ("lenet-source", r"size is 8, but the backbone 'lenet' takes pictures of at least 16 pixels per side; --set size=16"),
    ],
)
def test_a_size_below_what_a_part_takes_is_refused(folders: Path, name: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        train(name, source=folders / "source", target=folders / "target", settings={"size": 8}, quiet=True)


def test_a_stream_leaves_the_callers_random_state_alone(folders: Path) -> None:
    answer = dazoo.stream(trained(folders, "fcn-source"), device="cpu")
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    answer(pictures())
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("setting", ["backbone.width", "gan.width", "size"])
def test_settings_that_come_too_late_are_refused(folders: Path, setting: str) -> None:
    model = trained(folders, "fcn-source")
    with pytest.raises(SettingsError, match=rf"{setting} is set, but the model is trained already"):
        dazoo.stream(model, device="cpu", settings={setting: 16})
    with pytest.raises(SettingsError, match=rf"{setting} is set, but the model is trained already"):
        dazoo.adapt(model, folders / "target", method="tent", device="cpu", settings={setting: 16})


def test_a_stream_has_no_schedule(folders: Path) -> None:
    model = trained(folders, "fcn-source")
    plain, warm = (dazoo.stream(model, device="cpu", settings={"lr": 0.05, **more}) for more in ({}, {"warmup": 0.5, "schedule": "cosine"}))
    plain(pictures()), warm(pictures())
    assert [p.score for p in plain(pictures())] == [p.score for p in warm(pictures())]


def test_the_gan_of_a_recipe_whose_method_adapts_a_trained_model_is_kept(folders: Path) -> None:
    settings = {**SMALL, "gan.width": 4}
    found = train("fcn-dcgan-tent", source=folders / "source", target=folders / "target", settings=settings, quiet=True)
    fresh = found.model.bridge()
    assert fresh is not None
    plain = train("fcn-dcgan", source=folders / "source", target=folders / "target", settings=settings, quiet=True, source_only=False).model
    assert torch.equal(found.model.generate(2, seed=0), plain.generate(2, seed=0)), "the first stage is that recipe"
    same = {**SMALL, "ema": 0.99}  # the twin has the recipe's settings, the bridge's average too
    alone = train("fcn-source", source=folders / "source", target=folders / "target", settings=same, quiet=True)
    assert found.numbers is not None and alone.numbers is not None
    assert found.numbers.source_only == alone.numbers.last


def test_settings_of_a_part_that_the_recipe_lacks_are_refused(folders: Path) -> None:
    for name, setting in (("fcn-source", "gan.width"), ("fcn-source", "bridge.share"), ("fcn-dcgan", "method.weight")):
        with pytest.raises(SettingsError, match=f"{setting} is set, but the recipe '{name}' has no"):
            train(name, source=folders / "source", target=folders / "target", settings={**SMALL, setting: 1}, quiet=True)
