"""A model in use: what predict, dense and generate take, give back and refuse."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dazoo.errors import PictureError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.models.create import create
from dazoo.models.model import Model
from dazoo.models.model import Prediction


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_one_picture_gives_one_prediction_and_many_a_list(model: Model, tmp_path: Path) -> None:
    array = noise(24, 24, 3)
    image = Image.fromarray(array)
    image.save(tmp_path / "a.png")
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    ones = [array, image, str(tmp_path / "a.png"), tmp_path / "a.png", tensor, tensor.float() / 127.5 - 1]
    wanted = model.predict(array)
    assert isinstance(wanted, Prediction)
    for one in ones:
        assert model.predict(one).scores == pytest.approx(wanted.scores, abs=1e-6), type(one)
    many = model.predict(ones)
    assert isinstance(many, list) and len(many) == len(ones)
    for batch in (array[None], tensor[None], (array,), iter([array]), [array[None]]):
        (got,) = model.predict(batch)
        assert got.scores == pytest.approx(wanted.scores, abs=1e-6)
    assert model.predict([]) == []


def test_a_prediction_is_what_the_network_says(model: Model) -> None:
    pictures = [noise(24, 24, 3, seed=s) for s in range(5)]
    with torch.no_grad():
        chances = model(model.preprocess(pictures)).softmax(1)
    found = model.predict(pictures, batch_size=2)
    assert [p.index for p in found] == chances.argmax(1).tolist()
    for p, row in zip(found, chances.tolist(), strict=True):
        assert list(p.scores) == list(model.classes) and list(p.scores.values()) == pytest.approx(row, abs=1e-6)
        assert p.label == model.classes[p.index] and p.score == max(p.scores.values())
        assert json.loads(json.dumps(p.to_dict())) == p.to_dict()


def test_preprocess_gives_the_training_form(model: Model) -> None:
    got = model.preprocess([noise(7, 9, 3), noise(300, 200), Image.new("RGB", (24, 24), (255, 0, 0))])
    assert got.shape == (3, 3, 24, 24) and got.dtype == torch.float32 and got.abs().max() <= 1
    assert got[2, :, 5, 5].tolist() == pytest.approx([1, -1, -1], abs=1e-6)
    assert model.preprocess([]).shape == (0, 3, 24, 24)


@pytest.mark.parametrize(
    ("picture", "pixel"),
    [
        (Image.new("L", (30, 30), 128), [128] * 3),
        (Image.new("1", (30, 30), 1), [255] * 3),
        (Image.new("RGBA", (30, 30), (0, 0, 0, 0)), [255] * 3),
        (Image.new("LA", (30, 30), (0, 255)), [0] * 3),
        (Image.new("CMYK", (30, 30), (0, 255, 255, 0)), [254, 0, 0]),
        (Image.fromarray(np.full((30, 30), 0x8080, np.uint16)), [128] * 3),
        (Image.new("P", (30, 30), 0), [0] * 3),
        (np.full((30, 30), 128, np.uint8), [128] * 3),
        (np.full((30, 30, 1), 0x8080, np.uint16), [128] * 3),
        (np.zeros((30, 30, 4), np.uint8), [255] * 3),
        (np.ones((30, 30), bool), [255] * 3),
        (np.full((30, 30, 3), 128, np.int64), [128] * 3),
        (np.zeros((30, 30, 3), np.float32), [127.5] * 3),
        (torch.zeros(1, 30, 30), [127.5] * 3),
        (torch.full((3, 30, 30), 128, dtype=torch.uint8), [128] * 3),
    ],
)
def test_modes_and_types(model: Model, picture: object, pixel: list[float]) -> None:
    (got,) = model.preprocess(picture)
    assert ((got[:, 12, 12] + 1) * 127.5).tolist() == pytest.approx(pixel, abs=1.01)


def test_the_camera_orientation_is_applied(model: Model, tmp_path: Path) -> None:
    array = np.zeros((24, 24, 3), np.uint8)
    array[:12] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.fromarray(array).save(tmp_path / "turned.png", exif=exif)
    (got,) = model.preprocess(tmp_path / "turned.png")
    assert got[0, 12, 2] < -0.9 and got[0, 12, 21] > 0.9


def test_nothing_that_goes_in_is_changed(model: Model) -> None:
    array, tensor, image = noise(30, 40, 4), torch.rand(3, 24, 24) * 2 - 1, Image.fromarray(noise(20, 20, 3))
    before = array.copy(), tensor.clone(), image.tobytes()
    model.predict([array, array[::-1, ::-1], tensor, image])
    assert (array == before[0]).all() and torch.equal(tensor, before[1]) and image.tobytes() == before[2]


def test_the_models_mode_and_the_random_state_stay(model: Model) -> None:
    model.train()
    model.backbone.norm.eval()
    statistics, state = model.backbone.norm.running_mean.clone(), torch.get_rng_state()
    first, second = (model.predict(noise(24, 24, 3)) for _ in range(2))
    model.generate(2, seed=0)
    assert first == second  # dropout was off
    assert model.training and model.backbone.drop.training and not model.backbone.norm.training
    assert torch.equal(model.backbone.norm.running_mean, statistics) and torch.equal(torch.get_rng_state(), state)
    assert all(p.requires_grad for p in model.parameters())


def bad_png() -> bytes:
    out = io.BytesIO()
    Image.fromarray(noise(64, 64, 3)).save(out, "PNG")
    return out.getvalue()[:3000]


BAD = {
    "no such file": (lambda p: p / "none.png", "none.png: no such file"),
    "a folder": (lambda p: p, "is a folder, expected a picture file"),
    "text": (lambda p: _written(p / "a.txt", b"hello"), "not a picture of a known format"),
    "truncated": (lambda p: _written(p / "cut.png", bad_png()), "damaged or truncated"),
    "empty file": (lambda p: _written(p / "empty.jpg", b""), "not a picture of a known format"),
    "an address": (lambda p: "https://example.org/a.png", "is an address; download it first"),
    "a number": (lambda p: 5, "A int is no picture; expected a path"),
    "None inside": (lambda p: [noise(4, 4, 3), None], "Picture 1: a NoneType is no picture"),
    "bytes": (lambda p: b"\x89PNG", "known format"),
    "floats to 255": (lambda p: np.full((8, 8, 3), 200.0), r"run from 200 to 200; expected \[-1, 1\].*give uint8"),
    "normalised floats": (lambda p: torch.full((3, 8, 8), -2.1), r"undo its normalisation"),
    "not finite": (lambda p: torch.full((3, 8, 8), torch.nan), "not finite"),
    "CHW array": (lambda p: noise(3, 24, 24), r"It looks like \(C, H, W\): give picture.transpose\(1, 2, 0\)"),
    "HWC tensor": (lambda p: torch.zeros(24, 24, 3), r"It looks like \(H, W, C\): give picture.permute\(2, 0, 1\)"),
    "grey batch": (lambda p: noise(9, 24, 24), r"give pictures\[..., None\]"),
    "no pixels": (lambda p: np.zeros((0, 24, 3), np.uint8), "holds no pixel"),
    "one dimension": (lambda p: np.zeros(24, np.uint8), r"shape \(24,\) is no picture"),
    "five dimensions": (lambda p: np.zeros((1, 1, 2, 2, 3), np.uint8), "5 dimensions"),
    "large integers": (lambda p: np.full((8, 8), 300), "run from 300 to 300"),
    "objects": (lambda p: np.array([["a", "b"]], object), "type object is no picture"),
    "third of a batch": (lambda p: [noise(4, 4), noise(4, 4), p / "x.png"], "Picture 2: .*x.png: no such file"),
}


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("what", BAD)
def test_a_bad_picture_is_an_error_that_says_why(model: Model, tmp_path: Path, what: str) -> None:
    make, message = BAD[what]
    with pytest.raises(PictureError, match=message):
        model.predict(make(tmp_path))


def test_floats_in_0_to_1_are_warned_about(model: Model) -> None:
    with pytest.warns(UserWarning, match="2 \\* picture - 1"):
        model.predict(torch.rand(3, 24, 24))


def test_floats_of_the_right_size_pass_through_unchanged(model: Model) -> None:
    picture = torch.rand(3, 24, 24) * 2 - 1
    assert torch.equal(model.preprocess(picture)[0], picture)


def test_dense_gives_the_class_map_of_a_larger_scene(model: Model) -> None:
    scene = noise(100, 60, 3)
    found = model.dense(scene)
    assert found.shape == (3, 24, 14) and torch.allclose(found.sum(0), torch.ones(24, 14), atol=1e-5)
    with torch.no_grad():
        wanted = model.backbone.dense(torch.from_numpy(scene).permute(2, 0, 1)[None].float() / 127.5 - 1).softmax(1)[0]
    assert torch.allclose(found, wanted, atol=1e-5)
    found += 1  # an ordinary tensor, not one of inference mode
    with pytest.raises(PictureError, match="one picture, got a list"):
        model.dense([scene])
    with pytest.raises(PictureError, match="is 8x99 pixels, expected at least 16"):
        model.dense(noise(8, 99, 3))


def test_generate(model: Model) -> None:
    drawn = model.generate(4, labels=["stop", "stop", 2, np.int64(1)], seed=7)
    assert drawn.shape == (4, 3, 24, 24) and drawn.abs().max() <= 1 and drawn.device.type == "cpu"
    assert torch.equal(drawn, model.generate(4, labels=["stop", "stop", "no entry", "give way"], seed=7))
    assert not torch.equal(drawn, model.generate(4, labels=["stop", "stop", 2, 1], seed=8))
    assert model.generate(2).shape[0] == 2
    drawn += 1
    for labels, message in (
        (["stop"], "1 labels for 2"),
        ("stopp", "'stopp' is no class.*Did you mean 'stop'"),
        (3, "3 is no class"),
        (-1, "-1 is no class"),
    ):
        with pytest.raises(SettingsError, match=message):
            model.generate(2, labels=labels)
    with pytest.raises(SettingsError, match="n is 0"):
        model.generate(0)


def test_without_a_gan_generate_says_what_there_is(parts: object) -> None:
    plain = create("tiny-source-left2right")
    with pytest.raises(SettingsError, match="tiny-source-left2right has no GAN.*the backbone 'tiny', the method 'source'"):
        plain.generate(1)
    assert plain.gan_parts() == {}


def test_create(parts: object) -> None:
    made = create("tiny", num_classes=5, size=20, channels=1, seed=1, width=6)
    assert made.classes == ("0", "1", "2", "3", "4") and made.size == 20 and made.backbone.num_features == 6 and made.name == "tiny"
    again = create("tiny", num_classes=5, size=20, channels=1, seed=1, width=6)
    assert all(torch.equal(a, b) for a, b in zip(made.state_dict().values(), again.state_dict().values(), strict=True))
    whole = create("tiny-tinygan-left2right")
    assert whole.classes == ("stop", "give way", "no entry") and whole.size == 24 and whole.name == "tiny-tinygan-left2right"
    with pytest.raises(SettingsError, match="says nothing about classes"):
        create("tiny")
    with pytest.raises(SettingsError, match="num_classes is 2, but there are 3"):
        create("tiny", num_classes=2, classes=["a", "b", "c"])
    with pytest.raises(SettingsError, match="different class names"):
        create("tiny", classes=["a", "a"])
    with pytest.raises(SettingsError, match="num_classes is 10000000"):
        create("tiny", num_classes=10_000_000)
    with pytest.raises(SettingsError, match="widht"):
        create("tiny", num_classes=2, widht=3)
    with pytest.raises(UnknownName, match="Did you mean 'tiny'"):
        create("tinny-source", num_classes=2)


def test_a_model_travels_between_processes(model: Model) -> None:
    again = pickle.loads(pickle.dumps(model))
    assert again.predict(noise(24, 24, 3)) == model.predict(noise(24, 24, 3))


def test_parts_that_do_not_fit_are_refused(model: Model) -> None:
    with pytest.raises(SettingsError, match="for 3 classes and 3 channel"):
        Model(model.backbone, {"recipe": {"backbone": "tiny"}, "classes": ["a", "b"], "channels": 3, "size": 24})
    with pytest.raises(SettingsError, match="unknown key 'epochs'"):
        Model(model.backbone, {"recipe": {"backbone": "tiny"}, "classes": ["a", "b", "c"], "channels": 3, "size": 24, "epochs": 3})
