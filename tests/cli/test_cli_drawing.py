"""`dazoo predict --dense`, `--unknown`, `calibrate` and `export` on a tiny model of a person's own."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dazoo.errors import PictureError


pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_card_of_a_trained_model_has_scores_and_pictures(model: Path) -> None:
    there = {p.name for p in model.iterdir()}
    assert {"calibration.png", "confusion.png", "examples.png", "familiar.safetensors"} <= there
    card = (model / "README.md").read_text()
    assert all(f"({name})" in card for name in ("calibration.png", "confusion.png", "examples.png"))
    facts = json.loads((model / "config.json").read_text())["dazoo"]
    assert facts["calibration"]["temperature"] >= 1 and "familiar.safetensors" in facts["files"]
    assert not [name for name in facts["files"] if name.endswith(".png")]


def test_predict_answers_none_of_these(run, model: Path, own: SimpleNamespace, tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)).save(tmp_path / "strange.png")
    plain = run("predict", model, tmp_path / "strange.png")
    assert plain.code == 0 and "none of these" not in plain.out
    found = run("predict", model, tmp_path / "strange.png", own.loose, "--unknown", "--json").json
    assert len(found) == 13 and all(0 <= row["familiar"] <= 1 for row in found)
    assert [row["label"] == "none of these" for row in found] == [row["index"] == -1 for row in found]
    assert [row["index"] == -1 for row in found] == [row["familiar"] < 0.05 for row in found]
    table = run("predict", model, tmp_path / "strange.png", "--unknown", "--top", "2").out.rstrip("\n").split("\t")
    assert len(table) == 5 and (table[1:3] == ["none of these", "-"]) == (found[0]["index"] == -1)


def test_dense_says_in_words_what_it_drew(run, model: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((60, 90, 3), 128, np.uint8)).save(tmp_path / "road.png")
    found = run("predict", model, tmp_path / "road.png", "--dense", tmp_path / "map.png")
    assert found.code == 0, found.err
    assert "Looked at windows of 8 to" in found.err and (tmp_path / "map.png").stat().st_size > 1000
    assert run("predict", model, tmp_path / "road.png", "--dense", tmp_path / "map.png", "--near", "2").code == 2


def test_a_picture_that_is_too_small_leaves_no_file(model: Path, tmp_path: Path) -> None:
    import dazoo
    from dazoo.cli.drawing import draw_dense

    Image.new("RGB", (8, 8)).save(tmp_path / "small.png")
    with pytest.raises(PictureError, match="at least 16"):
        draw_dense(dazoo.load(model), tmp_path / "small.png", tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()


def test_calibrate_gives_an_adapted_model_its_scores_back(run, model: Path, own: SimpleNamespace, tmp_path: Path) -> None:
    few = ("--method", "tent_offline", "--set", "epochs=1", "--set", "batch=4", "-q")
    assert run("adapt", model, "--target", own.loose, "--out", tmp_path / "adapted", *few).code == 0
    assert "calibration" not in json.loads((tmp_path / "adapted" / "config.json").read_text())["dazoo"]
    refused = run("predict", tmp_path / "adapted", own.loose, "--unknown")
    assert refused.code == 2 and "dazoo.calibrate" in refused.err
    (tmp_path / "adapted" / "README.md").write_text("# My words\n\n## Limits\n\n- none\n")
    found = run("calibrate", tmp_path / "adapted", "--source", own.source, "--target", own.loose, "--out", tmp_path / "done", "--json")
    assert found.code == 0, found.err
    assert found.json["calibration"]["source"]["n"] == 2 and "target_rejected" in found.json["calibration"]["unknown"]
    card = (tmp_path / "done" / "README.md").read_text()
    assert card.startswith("# My words\n\n## Scores\n") and card.endswith("\n## Limits\n\n- none\n")
    assert run("predict", tmp_path / "done", own.loose, "--unknown").code == 0
    again = run("calibrate", tmp_path / "done", "--source", own.source, "--out", tmp_path / "twice")
    assert again.code == 0 and (tmp_path / "twice" / "README.md").read_text().count("## Scores") == 1
    nothing = run("calibrate", model, "--out", tmp_path / "x")
    assert nothing.code == 2 and "no scenario" in nothing.err


def test_export(run, model: Path, tmp_path: Path) -> None:
    found = run("export", model, tmp_path / "m.pt2", "--json")
    assert found.code == 0 and found.json["difference"] < 1e-5 and found.json["checked_with"] == "torch.export"
    text = run("export", model, tmp_path / "m.pt2").out
    assert "uint8 (N, 16, 16, 3)" in text and "largest difference" in text
    assert run("export", model, tmp_path / "m.txt").code == 2
