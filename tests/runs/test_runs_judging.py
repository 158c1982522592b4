"""Runs that work, collapse, do not learn and stop too early, each for real; and where the verdict on them is written."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import dazoo
from dazoo.errors import SettingsError
from dazoo.metrics.verdict import Verdict
from dazoo.models.judged import seen_of
from dazoo.runs.training import Trained
from dazoo.runs.training import train


CLASSES = ("blue", "green", "red")
SMALL = {"steps_per_epoch": 6, "batch": 12, "size": 16, "backbone.width": 4, "augment": "none", "schedule": "constant", "lr": 0.01}


def folder(root: Path, labelled: bool, *, count: int = 20, tint: float = 0.0, seed: int = 0, told: bool = True) -> Path:
    """Noise with one channel raised, which is the class unless `told` is False; a camera's `tint` is light that reddens every picture."""
    rng = np.random.default_rng(seed)
    for k, name in enumerate(CLASSES):
        for i in range(count):
            pixels = rng.normal(110, 25, (16, 16, 3))
            if told:
                pixels[:, :, 2 - k] += 70
            pixels[:, :, 0] += tint
            place = root / name if labelled else root
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(place / f"{name}{i}.png")
    return root


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("judged")
    return {
        "source": folder(root / "source", True),
        "guessed": folder(root / "guessed", True, told=False),
        "near": folder(root / "near", False, seed=1),
        "labelled": folder(root / "labelled", True, seed=1),
        "far": folder(root / "far", False, tint=140, seed=2),
    }


def run(pictures: dict[str, Path], name: str, source: str, target: str, out: Path | None = None, **settings) -> Trained:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = {**SMALL, "epochs": 6, **settings}
        return train(name, source=pictures[source], target=pictures[target], out=out, settings=settings, quiet=True)


def test_a_run_that_works_says_so_beside_its_twin(pictures, tmp_path):
    found = run(pictures, "fcn-dann", "source", "near", tmp_path / "run")
    assert found.verdict.state == "works", found.verdict
    assert found.verdict.sentence.startswith("works as far as can be told without labels; held-out source accuracy 100.0 %")
    assert found.numbers is None and found.judgement.plain is not None  # the twin is trained although nothing can be counted
    assert set(found.judgement.plain.scores) == set(found.judgement.seen.scores) == set(dazoo.list_validators())
    assert sum(found.judgement.seen.predicted) == 60 and found.judgement.seen.held_out == (2, 2, 2)
    results = json.loads((tmp_path / "run" / "model" / "config.json").read_text())["dazoo"]["results"]
    assert Verdict.from_json(results["verdict"]) == found.verdict == dazoo.load(found.folder).verdict
    assert seen_of(results, "seen_source_only").predicted == found.judgement.plain.predicted
    assert json.loads((tmp_path / "run" / "run.json").read_text())["verdict"]["state"] == "works"
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert "Warning" not in card and "Does it work?" in card and "| score information_maximisation |" in card


def test_a_network_that_calls_every_target_picture_one_name_has_collapsed(pictures, tmp_path):
    """The target's light is red, and a network without adaptation calls all of it red."""
    with pytest.warns(UserWarning, match=r"fcn-source collapsed: 60 of 60 target pictures are called red .*do not use it.*docs/judging.md"):
        found = train(
            "fcn-source", source=pictures["source"], target=pictures["far"], out=tmp_path / "run",
            settings={**SMALL, "epochs": 6}, quiet=True,
        )  # fmt: skip
    assert found.verdict.state == "collapsed" and not found.verdict.usable
    assert "> **Warning: collapsed: 60 of 60 target pictures are called" in (found.folder / "README.md").read_text()
    assert json.loads((tmp_path / "run" / "run.json").read_text())["verdict"]["state"] == "collapsed"


def test_a_network_that_learns_nothing_is_underfit(pictures):
    found = run(pictures, "fcn-source", "guessed", "near", epochs=2)
    assert "underfit" in {f.state for f in found.verdict.findings} and not found.verdict.usable


def test_a_run_that_stops_too_early_says_that_its_loss_was_falling(pictures):
    early = run(pictures, "fcn-source", "source", "near", lr=0.0005, epochs=8)
    assert "falling" in {f.state for f in early.verdict.findings}, (early.verdict, early.history.terms)
    late = run(pictures, "fcn-source", "source", "near", epochs=16)
    assert "falling" not in {f.state for f in late.verdict.findings}, (late.verdict, late.history.terms)


def test_a_run_goes_on_with_the_verdict_in_its_folder(pictures, tmp_path):
    first = run(pictures, "fcn-dann", "source", "near", tmp_path / "run", epochs=2)
    again = run(pictures, "fcn-dann", "source", "near", tmp_path / "run", epochs=2)
    assert again.judgement == first.judgement
    with pytest.raises(SettingsError, match="another run .different settings"):
        run(pictures, "fcn-dann", "source", "near", tmp_path / "run", epochs=3)


def test_no_target_label_enters_the_verdict(pictures):
    """The same pictures, with labels in their folders and without."""
    named = {**pictures, "loose": pictures["labelled"].with_name("loose")}
    named["loose"].mkdir()
    for path in sorted(pictures["labelled"].rglob("*.png")):
        (named["loose"] / path.name).write_bytes(path.read_bytes())
    labelled, loose = (run(named, "fcn-dann", "source", target, epochs=2) for target in ("labelled", "loose"))
    assert labelled.numbers is not None and loose.numbers is None
    assert labelled.judgement == loose.judgement


def test_adapting_compares_with_the_model_before(pictures, tmp_path):
    before = run(pictures, "fcn-source", "source", "near").model
    kept = {k: v.clone() for k, v in before.state_dict().items()}
    after = dazoo.adapt(before, pictures["near"], method="tent", out=tmp_path / "adapted", quiet=True)
    seen, plain = (seen_of(after.config["results"], key) for key in ("seen", "seen_source_only"))
    assert plain.predicted == seen_of(before.config["results"], "seen").predicted
    blind = {"entropy", "information_maximisation", "batch_nuclear_norm", "snd"}
    assert set(seen.scores) == blind and seen.source_accuracy is None  # there is no source here
    assert plain.scores["entropy"] == pytest.approx(seen_of(before.config["results"], "seen").scores["entropy"], rel=1e-4)
    assert after.verdict is not None and dazoo.load(tmp_path / "adapted").verdict == after.verdict
    assert all(torch.equal(v, kept[k]) for k, v in before.state_dict().items())
    with pytest.warns(UserWarning, match="collapsed"):
        dazoo.adapt(before, pictures["far"], method="tent", settings={"lr": 0.1}, quiet=True)


def test_a_stream_that_collapses_says_so_once(pictures):
    before = run(pictures, "fcn-source", "source", "near").model
    answer = dazoo.stream(before)
    with pytest.raises(SettingsError, match="answered nothing yet"):
        _ = answer.verdict
    white = [np.full((16, 16, 3), 250, np.uint8)] * 60
    with pytest.warns(UserWarning, match="in a stream collapsed") as told:
        for _ in range(2):
            answer(white)
    assert len(told) == 1 and answer.verdict.state == "collapsed" and int(answer.answered.sum()) == 120
    answer.reset()
    answer([Image.open(p) for p in sorted(pictures["near"].glob("*.png"))])
    assert answer.verdict.state == "works", answer.answered
