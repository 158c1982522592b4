"""Numbers and names of NumPy and torch are taken as Python's, wherever a person may give them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import dazoo
from dazoo.data import own_domains
from dazoo.data import read_picture
from dazoo.engine.settings import Settings
from dazoo.plain import native
from dazoo.plain import plain


WHOLE = {
    "np.int64": np.int64,
    "np.uint8": np.uint8,
    "0-d array": np.array,
    "0-d tensor": torch.tensor,
    "int8 tensor": lambda v: torch.tensor(v, dtype=torch.int8),
}
REAL = {"np.float32": np.float32, "np.float64": np.float64, "np.float16": np.float16, "0-d array": np.array, "0-d tensor": torch.tensor}


@pytest.fixture(scope="module")
def sides(tmp_path_factory) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("sides")
    rng = np.random.default_rng(0)
    for side in "st":
        for name in "ab":
            (base / side / name).mkdir(parents=True)
            for i in range(3):
                Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8)).save(base / side / name / f"{i}.png")
    return base / "s", base / "t"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path / "cache"))


def test_native():
    given = {np.str_("a"): (np.int64(1), [np.float32(0.5), torch.tensor(2)], np.bool_(True), torch.Size([3, np.int64(4)]), np.array(7))}
    found = native(given)
    assert found == {"a": (1, [0.5, 2], True, (3, 4), 7)}
    kinds = [type(v) for v in (*found, found["a"][0], *found["a"][1], found["a"][2], *found["a"][3], found["a"][4])]
    assert kinds == [str, int, float, int, bool, int, int, int]
    device, array = torch.device("cpu"), np.zeros(2)
    assert native(device) is device and native(array) is array and native(torch.float32) is torch.float32
    assert json.dumps(plain({"x": [np.float32(0.5), np.int64(3), np.bool_(False), torch.tensor(1.5), np.float32("nan")]})) == (
        '{"x": [0.5, 3, false, 1.5, null]}'
    )


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_numbers(sides, kind):
    n = WHOLE[kind]
    made = dazoo.create(np.str_("fcn"), num_classes=n(3), channels=n(3), size=n(16), seed=n(5), width=n(4))
    same = dazoo.create("fcn", num_classes=3, channels=3, size=16, seed=5, width=4)
    assert made.config == same.config and json.dumps(made.config) == json.dumps(same.config)
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), same.parameters(), strict=True))
    pictures = np.zeros((3, 8, 8, 3), np.uint8)
    assert len(made.predict(pictures, batch_size=n(2))) == 3 and made.features(pictures, batch_size=n(2)).shape[0] == 3
    drawing = dazoo.create("fcn-dcgan", classes=np.array(["a", "b"]), size=16, width=4)
    assert torch.equal(drawing.generate(n(2), labels=n(1), seed=n(3)), drawing.generate(2, labels=[n(1), n(1)], seed=3))
    assert own_domains(*sides, size=n(16), channels=n(3), seed=n(1)).source_train.size == (16, 16)
    assert read_picture(sides[0] / "a" / "0.png", size=n(16), channels=n(1), box=(n(0), n(0), n(9), n(9))).shape == (16, 16, 1)
    wanted = {"epochs": 2, "batch": 8, "balance": 1, "size": 16}
    assert Settings.layered({k: n(v) for k, v in wanted.items()}) == Settings.layered(wanted) == Settings(**{k: n(v) for k, v in wanted.items()})


@pytest.mark.parametrize("kind", REAL)
def test_real_numbers(sides, kind):
    r = REAL[kind]
    made = Settings(lr=r(0.5), ema=r(0.25))
    assert made == Settings(lr=0.5, ema=0.25) and type(made.lr) is float
    assert own_domains(*sides, size=16, test_fraction=r(0.5)).source_test.counts == (2, 2)


@pytest.mark.parametrize(
    "labels", [np.str_("a"), np.array(["a", "b"]), ["a", np.str_("b")], np.array([0, 1]), torch.tensor([0, 1]), (np.int64(1), 0), np.array("a")]
)
def test_labels_to_draw(labels):
    model = dazoo.create("fcn-dcgan", classes=["a", "b"], size=16, width=4, seed=0)
    assert model.generate(2, labels=labels).shape == (2, 3, 16, 16)


def test_a_run_has_one_identity_whatever_its_numbers_come_from(sides, tmp_path):
    s, t = sides
    theirs = {"epochs": np.int64(1), "steps_per_epoch": torch.tensor(2), "batch": np.array(8), "size": np.int32(16), "lr": np.float32(0.5)}
    theirs |= {"balance": np.bool_(True), "optimizer": np.str_("sgd"), "method.weight": torch.tensor(0.5), "backbone.width": np.int64(4)}
    ours = {"epochs": 1, "steps_per_epoch": 2, "batch": 8, "size": 16, "lr": 0.5, "balance": True, "optimizer": "sgd"}
    ours |= {"method.weight": 0.5, "backbone.width": 4}
    first = dazoo.train(
        np.str_("fcn-dann"), source=s, target=t, out=tmp_path / "o", seed=np.int64(3), device=torch.device("cpu"), settings=theirs,
        quiet=np.bool_(True), source_only=np.bool_(False),
    )  # fmt: skip
    again = dazoo.train("fcn-dann", source=s, target=t, out=tmp_path / "o", seed=3, device="cpu", settings=ours, quiet=True, source_only=False)
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), again.model.parameters(), strict=True)), "the same run goes on"


@pytest.mark.parametrize("seed", [np.float32(1.5), np.bool_(True), np.array([1, 2]), torch.tensor(-1), np.str_("x"), None, torch.tensor(1.0)])
def test_seeds_that_are_none(seed):
    from dazoo.engine.seeds import checked_seed
    from dazoo.errors import SettingsError

    with pytest.raises(SettingsError, match="whole number"):
        checked_seed(seed)


def test_home_and_missing_folders_of_adapt(sides, tmp_path, monkeypatch):
    from dazoo.errors import DataError

    monkeypatch.setenv("HOME", str(sides[1].parent))
    model = dazoo.create("fcn", classes=["a", "b"], size=16, width=4)
    quick = {"epochs": 1, "steps_per_epoch": 1}
    assert dazoo.adapt(model, "~/t", method="tent", settings=quick, quiet=True).classes == ("a", "b")
    assert dazoo.evaluate(model, target="~/t").n == 6
    for missing in (tmp_path / "nothing", "~/nothing", "nothing.png"):
        with pytest.raises(DataError, match="does not exist; name a folder"):
            dazoo.adapt(model, missing, method="tent", settings=quick, quiet=True)


def test_folders_in_another_spelling_are_counted(sides, tmp_path):
    for name, other in (("a", "A"), ("b", " b ")):
        (tmp_path / "t").mkdir(exist_ok=True)
        (tmp_path / "t" / other).symlink_to(sides[1] / name)
    model = dazoo.create("fcn", classes=["a", "b"], size=16, width=4, seed=0)
    with pytest.warns(UserWarning, match="'A' for 'a', ' b ' for 'b'|' b ' for 'b', 'A' for 'a'"):
        found = dazoo.evaluate(model, target=tmp_path / "t")
    assert found.n == 6 and found.accuracy == dazoo.evaluate(model, target=sides[1]).accuracy
