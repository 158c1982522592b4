"""The model as people use models: features, transform, save, a new head, print."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torch.utils.data import TensorDataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from dazoo.errors import PictureError
from dazoo.errors import SettingsError
from dazoo.models.load import load
from dazoo.models.model import Model
from dazoo.models.prediction import Predictions


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_features_are_what_the_head_reads(model: Model) -> None:
    pictures = list(noise(5, 40, 30, 3))
    found = model.features(pictures, batch_size=2)
    assert found.shape == (5, model.backbone.num_features) and not found.is_inference()
    with torch.no_grad():
        assert torch.allclose(model.backbone.head(found), model(model.preprocess(pictures)), atol=1e-5)
    assert model.features([]).shape == (0, model.backbone.num_features)
    assert model.features(pictures[0]).shape == (1, model.backbone.num_features)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK"])
@pytest.mark.parametrize("shape", [(24, 24), (31, 50), (12, 9)])
def test_the_transform_is_the_preprocessing(model: Model, mode: str, shape: tuple[int, int]) -> None:
    picture = Image.fromarray(noise(*shape, 3)).convert(mode)
    assert torch.equal(model.transform(picture), model.preprocess(picture)[0])
    pixels = torch.from_numpy(noise(*shape, 3)).permute(2, 0, 1)
    assert torch.equal(model.transform(pixels), model.preprocess(pixels)[0])


def test_the_transform_works_in_a_data_loader(model: Model, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "new" / name).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(noise(30 + i, 40, 3)).save(tmp_path / "new" / name / f"{i}.png")
    folder = ImageFolder(str(tmp_path / "new"), transform=v2.Compose([v2.RandomHorizontalFlip(1.0), model.transform]))
    images, labels = next(iter(DataLoader(folder, batch_size=6, num_workers=1)))
    assert images.shape == (6, 3, 24, 24) and labels.tolist() == [0, 0, 0, 1, 1, 1]
    flipped = Image.open(tmp_path / "new" / "a" / "0.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert torch.equal(images[0], model.preprocess(flipped)[0])
    image, label = model.transform((Image.fromarray(noise(9, 9, 3)), torch.tensor(7)))
    assert image.shape == (3, 24, 24) and label == 7
    again = pickle.loads(pickle.dumps(model.transform))
    assert torch.equal(again(flipped), images[0])
    with pytest.raises(PictureError):
        model.transform(torch.full((3, 8, 8), 300.0))


def test_it_saves_itself(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model.save("runs/mine/model")
    picture = noise(24, 24, 3)
    for spelling in ("runs/mine/model", "./runs/mine/model", "dir:runs/mine/model", Path("runs/mine/model")):
        assert load(spelling).predict(picture) == model.predict(picture)
    assert 'dazoo.load("runs/mine/model")' in (tmp_path / "runs/mine/model/README.md").read_text()
    model.save(tmp_path / "other")
    assert str(tmp_path) not in (tmp_path / "other" / "README.md").read_text()


def test_a_new_head(model: Model, tmp_path: Path) -> None:
    body = {k: v.clone() for k, v in model.backbone.state_dict().items() if not k.startswith("head")}
    state = torch.random.get_rng_state()
    assert model.reset_head(["cat", "dog", "owl", "bee"], seed=3) is model
    assert torch.equal(torch.random.get_rng_state(), state)
    assert model.classes == ("cat", "dog", "owl", "bee") and model.backbone.head.out_features == model.backbone.num_classes == 4
    assert all(torch.equal(v, model.backbone.state_dict()[k]) for k, v in body.items())
    picture = noise(24, 24, 3)
    assert set(model.predict(picture).scores) == {"cat", "dog", "owl", "bee"} and model.dense(picture).shape[0] == 4
    assert model.recipe["gan"] is None and not {"results", "calibration", "settings"} & set(model.config)
    back = load(model.save(tmp_path / "m"))
    assert back.classes == model.classes and back.predict(picture) == model.predict(picture)
    first = model.backbone.head.weight.clone()
    assert torch.equal(model.reset_head(["x", "y", "z", "w"], seed=3).backbone.head.weight, first)
    assert not torch.equal(model.reset_head(["x", "y", "z", "w"]).backbone.head.weight, first)
    for wrong in (["one"], ["a", "a"], ["a", ""]):
        with pytest.raises(SettingsError, match="'classes'"):
            model.reset_head(wrong)
    assert model.classes == ("x", "y", "z", "w")


def test_a_loop_of_ones_own_learns_the_new_classes(model: Model) -> None:
    model.reset_head(["dark", "light"], seed=0)
    images = torch.cat([torch.rand(16, 3, 24, 24) * 0.3 - 1, torch.rand(16, 3, 24, 24) * 0.3 + 0.7])
    labels = torch.arange(32) // 16
    optimiser = torch.optim.Adam(model.parameters(), 0.03)
    model.train()
    for _ in range(15):
        for x, y in DataLoader(TensorDataset(images, labels), batch_size=16, shuffle=True):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimiser.step()
    model.eval()
    assert [p.label for p in model.predict(images.clamp(-1, 1))] == ["dark"] * 16 + ["light"] * 16


def test_what_is_printed_fits_a_screen(model: Model) -> None:
    for text in (str(model), str(model.reset_head([f"a class of a rather long name {i}" for i in range(500)]))):
        assert len(text.splitlines()) <= 12 and max(map(len, text.splitlines())) <= 120
    answers = model.predict(noise(30, 24, 24, 3))
    assert isinstance(answers, Predictions) and len(answers) == 30
    lines = repr(answers).splitlines()
    assert len(lines) == 21 and lines[-1] == "... and 10 more" and lines[3] == f"3: {answers[3]!r}"
    best = max(answers[0].scores.values())
    assert repr(answers[0]).count(",") == 2 and f"{best:.3f}" in repr(answers[0]) and repr(model.predict([])) == "[]"
