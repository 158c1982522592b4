"""Which weights a run keeps: last, chosen without labels, best by labels, and those of the source-only twin."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import dazoo
from dazoo.engine import trainer as trainer_module
from dazoo.engine.trainer import Trainer
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.runs import training
from dazoo.runs.training import train


SMALL = {"epochs": 5, "steps_per_epoch": 2, "batch": 6, "size": 16, "backbone.width": 4, "augment": "none", "lr": 0.03, "schedule": "constant"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root, rng = tmp_path_factory.mktemp("select"), np.random.default_rng(0)
    for k, label in enumerate(("red", "green", "blue")):
        for i in range(8):
            for side in ("source", "target"):
                pixels = rng.integers(60, 200, (16, 16, 3), dtype=np.uint8)
                pixels[:, :, k] += 40
                (root / side / label).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(root / side / label / f"{i}.png")
    return {"source": root / "source", "target": root / "target"}


def run(folders, out: Path | None = None, name: str = "fcn-dann", select: str = "last", **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return train(name, **folders, out=out, settings={**SMALL, **settings}, select=select, quiet=True)


def weights(model) -> list[torch.Tensor]:
    return list(model.backbone.state_dict().values())


def same(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(weights(a), weights(b), strict=True))


def accuracy(folder: Path, folders) -> float:
    return dazoo.evaluate(folder, target=folders["target"], device="cpu").accuracy


def test_last_chosen_best_and_source_only_are_there_and_have_the_accuracy_of_their_epochs(folders, tmp_path):
    found = run(folders, tmp_path / "run", select="snd")
    models, numbers = tmp_path / "run" / "models", found.numbers
    assert sorted(p.name for p in models.iterdir()) == ["best", "chosen", "last", "source_only"]
    assert numbers.validator == "snd" and len({numbers.last, numbers.chosen, numbers.oracle}) > 1, "an example that tells them apart"
    assert accuracy(models / "last", folders) == pytest.approx(numbers.last)
    assert accuracy(models / "chosen", folders) == pytest.approx(numbers.chosen)
    assert accuracy(models / "best", folders) == pytest.approx(numbers.oracle)
    assert accuracy(models / "source_only", folders) == pytest.approx(numbers.source_only)
    assert same(dazoo.load(found.folder), dazoo.load(models / "chosen")) and same(found.model, dazoo.load(found.folder))
    assert found.model.config["results"]["weights"] == "chosen"
    assert f"{100 * numbers.chosen:.1f} %" in (found.folder / "README.md").read_text()


def test_the_last_weights_are_the_model_unless_somebody_selects(folders, tmp_path):
    last = run(folders, tmp_path / "run")
    assert same(last.model, dazoo.load(tmp_path / "run" / "models" / "last")) and last.model.config["results"]["weights"] == "last"
    chosen = run(folders, tmp_path / "run", select="information_maximisation")  # the same run: nothing is trained again
    assert same(chosen.model, dazoo.load(tmp_path / "run" / "models" / "chosen"))
    assert same(dazoo.load(tmp_path / "run" / "model"), chosen.model)


def test_the_best_by_labels_is_marked_as_an_oracle_and_gives_no_result(folders, tmp_path):
    found = run(folders, tmp_path / "run")
    card = (tmp_path / "run" / "models" / "best" / "README.md").read_text()
    assert "by target labels**: an oracle that nobody could have chosen" in card and "These weights (seed" not in card
    for other in ("last", "chosen", "source_only"):
        assert "an oracle that nobody" not in (tmp_path / "run" / "models" / other / "README.md").read_text()
    assert "oracle, n=1" not in card  # no leaderboard may list it
    assert found.numbers.oracle >= found.numbers.last


def test_without_target_labels_there_is_no_best(folders, tmp_path):
    loose = tmp_path / "loose"
    loose.mkdir()
    for i, path in enumerate(sorted(folders["target"].rglob("*.png"))):
        (loose / f"{i}.png").write_bytes(path.read_bytes())
    run({**folders, "target": loose}, tmp_path / "run", epochs=1)
    assert sorted(p.name for p in (tmp_path / "run" / "models").iterdir()) == ["chosen", "last", "source_only"]


def test_a_resumed_run_keeps_the_same_weights_of_every_kind(folders, tmp_path, monkeypatch):
    whole = run(folders, tmp_path / "whole")
    monkeypatch.setattr(trainer_module, "SAVE_SECONDS", 0.0)
    real, steps = Trainer._step, []

    def killed(self):
        steps.append(self.number)
        if len(steps) == 8:
            raise KeyboardInterrupt
        real(self)

    monkeypatch.setattr(Trainer, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        run(folders, tmp_path / "killed")
    resumed = run(folders, tmp_path / "killed")
    assert len(steps) <= 8 + 3 + 10, "it went on, and did not begin again"
    assert resumed.numbers == whole.numbers
    for name in ("last", "chosen", "best", "source_only"):
        a, b = (dazoo.load(tmp_path / where / "models" / name) for where in ("whole", "killed"))
        assert same(a, b), name


def test_labels_that_count_change_no_weight_but_the_oracles(folders, tmp_path):
    counted = run(folders, tmp_path / "counted")
    alone = run({**folders, "target_labelled": False}, tmp_path / "alone")
    assert alone.numbers is None and counted.numbers is not None
    for name in ("last", "chosen"):
        assert same(*(dazoo.load(tmp_path / where / "models" / name) for where in ("counted", "alone")))


def test_an_unknown_validator_is_refused_before_a_picture_is_read(folders, monkeypatch):
    monkeypatch.setattr(training, "make_plan", lambda *a, **k: pytest.fail("the plan is made, and pictures are next"))
    with pytest.raises(UnknownName, match=r"select is 'accuracy'; expected 'last' or a validator.*Unknown validator 'accuracy'"):
        run(folders, select="accuracy")
    with pytest.raises(SettingsError, match="select is 'snd' and the setting validator is 'entropy'; leave one out"):
        run(folders, select="snd", validator="entropy")


def test_where_nothing_can_choose_the_last_is_kept_and_said(folders, tmp_path):
    with pytest.warns(UserWarning, match="Nothing could choose in this run"):
        found = train(
            "fcn-tent", **folders, out=tmp_path / "run", settings={**SMALL, "epochs": 1}, select="entropy", quiet=True
        )  # fmt: skip
    assert found.model.config["results"]["weights"] == "last"
    assert sorted(p.name for p in (tmp_path / "run" / "models").iterdir()) == ["last", "source_only"]
