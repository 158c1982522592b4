"""Train, adapt and evaluate on a person's own folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import SafetensorError

import dazoo
from dazoo.engine import checkpoint
from dazoo.engine import trainer as trainer_module
from dazoo.errors import DazooError
from dazoo.errors import InvalidName
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo.lease import Lease
from dazoo.models import tensors as tensors_module
from dazoo.runs import adapting
from dazoo.runs.training import train


SMALL = {"epochs": 2, "steps_per_epoch": 3, "batch": 6, "size": 16, "backbone.width": 4, "augment": "none"}


def picture(folder: Path, name: str, label: int, rng: np.random.Generator, dark: bool) -> None:
    pixels = rng.integers(60, 200, (20, 24, 3), dtype=np.uint8)
    pixels[:, :, label] = 255
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray((pixels * (0.7 if dark else 1)).astype(np.uint8)).save(folder / f"{name}.png")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    root, rng = tmp_path_factory.mktemp("own"), np.random.default_rng(0)
    for k, label in enumerate(("red", "green", "blue")):
        for i in range(8):
            picture(root / "source" / label, str(i), k, rng, dark=False)
            picture(root / "loose", f"{label}{i}", k, rng, dark=True)
            picture(root / "labelled" / label, str(i), k, rng, dark=True)
    return root


def same(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.backbone.state_dict().values(), b.backbone.state_dict().values(), strict=True))


def test_loose_pictures_give_a_model_and_no_invented_number(folders, tmp_path):
    run = train("fcn-dann", source=folders / "source", target=folders / "loose", out=tmp_path / "run", settings=SMALL, quiet=True)
    assert run.numbers is None and "last" not in run.model.config["results"]
    loaded = dazoo.load(run.folder)
    assert loaded.classes == ("blue", "green", "red") and not loaded.training
    assert loaded.predict(folders / "loose" / "red0.png").label in loaded.classes
    assert same(loaded, run.model)


def test_labelled_target_gives_the_four_numbers(folders, tmp_path):
    run = train("fcn-dann", source=folders / "source", target=folders / "labelled", out=tmp_path / "run", settings=SMALL, quiet=True)
    n = run.numbers
    assert n.source_only is not None and n.n_target == 24
    assert max(n.last, n.chosen) <= n.oracle <= 1
    twin = train("fcn-source", source=folders / "source", target=folders / "labelled", settings=SMALL, quiet=True).numbers
    assert twin.last == twin.source_only == n.source_only
    results = json.loads((run.folder / "config.json").read_text())["dazoo"]["results"]
    assert results["last"] == n.last and results["source_only"] == n.source_only
    report = dazoo.evaluate(run.folder, target=folders / "labelled")
    assert report.accuracy == pytest.approx(n.last) and report.n == 24
    assert report.interval.low <= report.accuracy <= report.interval.high


def test_running_again_continues_and_another_run_is_refused(folders, tmp_path):
    given = {"source": folders / "source", "target": folders / "loose", "out": tmp_path / "run", "quiet": True}
    first = train("fcn-dcgan", settings={**SMALL, "gan.width": 4}, **given)
    again = train("fcn-dcgan", settings={**SMALL, "gan.width": 4}, **given)
    assert same(first.model, again.model)
    assert again.model.generate(2, seed=0).shape == (2, 3, 16, 16)
    drawn = dazoo.load(again.folder).generate(2, seed=0)
    assert torch.allclose(drawn, again.model.generate(2, seed=0), atol=1e-5)  # another memory layout, another order of sums
    with pytest.raises(SettingsError, match="another run .different settings"):
        train("fcn-dcgan", settings={**SMALL, "gan.width": 4, "lr": 0.5}, **given)
    with pytest.raises(SettingsError, match="different seed"):
        train("fcn-dcgan", settings={**SMALL, "gan.width": 4}, seed=1, **given)


def test_a_model_is_adapted_to_target_pictures_alone(folders, tmp_path):
    before = train("fcn-source", source=folders / "source", target=folders / "loose", settings=SMALL, quiet=True).model
    kept = {k: v.clone() for k, v in before.backbone.state_dict().items()}
    after = dazoo.adapt(before, folders / "loose", method="tent", out=tmp_path / "adapted", settings={"lr": 0.01}, quiet=True)
    assert all(torch.equal(v, kept[k]) for k, v in before.backbone.state_dict().items()), "the model that was given must not change"
    changed = [k for k, v in after.backbone.state_dict().items() if not torch.equal(v, kept[k])]
    assert changed and all(".1." in k for k in changed), "only normalisation layers (the second of each unit) may move"
    assert same(dazoo.load(tmp_path / "adapted"), after)
    assert after.recipe["method"] == "tent"
    pictures = [Image.open(folders / "loose" / f"red{i}.png") for i in range(4)]
    assert dazoo.adapt(before, pictures, method="tent", quiet=True).classes == before.classes


def test_what_does_not_fit_is_said(folders, tmp_path):
    with pytest.raises(SettingsError, match="both --source and --target"):
        train("fcn-dann", source=folders / "source")
    with pytest.raises(InvalidName, match="names no scenario"):
        train("fcn-dann")
    with pytest.raises(SettingsError, match="leave one out"):
        train("fcn-dann-synsigns", source=folders / "source", target=folders / "loose")
    with pytest.raises(SettingsError, match="Did you mean 'epochs'"):
        train("fcn-dann", source=folders / "source", target=folders / "loose", settings={"epoch": 3})
    with pytest.raises(SettingsError, match="one of backbone, gan, bridge, method"):
        train("fcn-dann", source=folders / "source", target=folders / "loose", settings={"critic.lr": 3})
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("do not lose me")
    with pytest.raises(SettingsError, match="something else than a run"):
        train("fcn-dann", source=folders / "source", target=folders / "loose", out=tmp_path / "taken", settings=SMALL)
    model = train("fcn-source", source=folders / "source", target=folders / "loose", settings=SMALL, quiet=True).model
    with pytest.raises(SettingsError, match="needs labelled source pictures.*tent"):
        dazoo.adapt(model, folders / "loose", method="dann")


def test_two_processes_do_not_train_into_one_folder(folders, tmp_path):
    given = {"source": folders / "source", "target": folders / "loose", "out": tmp_path / "run", "quiet": True, "settings": SMALL}
    tmp_path.joinpath("run").mkdir()
    with Lease.take(tmp_path / "run" / "lease"), pytest.raises(SettingsError, match="is being trained by process"):
        train("fcn-dann", **given)
    train("fcn-dann", **given)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "checkpoints", "curves.png", "history.csv", "history.json", "model", "models", "run.json", "source_only",
    ]  # fmt: skip


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_full_disk_is_said_and_the_same_call_goes_on(folders, tmp_path, monkeypatch, nth):
    """At the first checkpoint, at a later one, and at the model."""
    monkeypatch.setattr(trainer_module, "SAVE_SECONDS", 0.0)
    given = {"source": folders / "source", "target": folders / "loose", "quiet": True, "settings": SMALL}
    real, calls = checkpoint.save_file, []

    def full(*args, **kwargs):
        calls.append(args)
        if len(calls) == nth:
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
        return real(*args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(DazooError, match="No room to write .*Make room, and give the same command again"):
        patch.setattr(checkpoint if nth < 3 else tensors_module, "save_file", full)
        calls.extend([()] * (2 if nth == 3 else 0))
        train("fcn-dann", out=tmp_path / "run", **given)
    assert same(train("fcn-dann", out=tmp_path / "run", **given).model, train("fcn-dann", **given).model)


def test_where_an_adapted_model_cannot_be_saved_is_said_before_it_is_adapted(folders, tmp_path, monkeypatch):
    model = train("fcn-source", source=folders / "source", target=folders / "loose", settings=SMALL, quiet=True).model
    monkeypatch.setattr(adapting, "adapt_trained", lambda *_, **__: pytest.fail("adapted"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(WeightsError, match="something else than a saved model"):
        dazoo.adapt(model, folders / "loose", method="tent", out=tmp_path / "mine", quiet=True)
