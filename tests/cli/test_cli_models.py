"""A person's own pictures through the command line: train, show, eval, predict, adapt, packs."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image


pytestmark = pytest.mark.filterwarnings("ignore")


def test_train_on_own_pictures(run, own: SimpleNamespace, settings: list[str]) -> None:
    words = ["train", "fcn-dann", "--source", own.source, "--target", own.labelled, "--seed", "3", "--json", *settings]
    first = run(*words)
    assert first.code == 0, first.err
    numbers = first.json["results"]
    assert {"source_only", "last", "chosen", "oracle"} <= set(numbers) and numbers["n_target"] == 12
    assert first.json["seed"] == 3 and first.json["model"] == "runs/fcn-dann-seed3/model"
    assert "fcn-dann (1/2 training): epoch 1/1" in first.err and "2/2 source only" in first.err  # progress is no data
    assert Path("runs/fcn-dann-seed3/model/model.safetensors").is_file()
    again = run(*words)  # nothing is left to do
    assert again.json["results"]["last"] == numbers["last"]
    other = run("train", "fcn-dann", "--source", own.source, "--target", own.labelled, "--seed", "3", *settings, "--set", "lr=0.5")
    assert other.code == 2 and "another run" in other.err and "--out" in other.err


def test_train_without_target_labels_says_so(run, own: SimpleNamespace, settings: list[str], tmp_path: Path) -> None:
    found = run("train", "fcn-source", "--source", own.source, "--target", own.loose, "--out", tmp_path / "o", "--quiet", *settings)
    assert found.code == 0, found.err
    assert "not counted" in found.out and str(tmp_path / "o" / "model") in found.out
    assert found.err == ""


def test_train_reports_the_four_numbers(run, own: SimpleNamespace, settings: list[str], tmp_path: Path) -> None:
    found = run("train", "fcn-source", "--source", own.source, "--target", own.labelled, "--out", tmp_path / "o", "-q", *settings)
    starts = [line.split()[0] for line in found.out.splitlines()]
    assert starts[:9] == ["fcn-source", "source-only", "last", "chosen", "oracle", "on", "model:", "others:", "Does"] and "next:" in starts
    assert "no result" not in found.out and "12 labelled target pictures" in found.out


def test_show_a_saved_model(run, model: Path) -> None:
    found = run("show", model, "--json").json
    assert found["recipe"]["backbone"] == "fcn" and found["classes"] == ["cross", "disc"]
    assert "cross, disc" in run("show", f"dir:{model}").out


def test_eval_counts(run, model: Path, own: SimpleNamespace) -> None:
    found = run("eval", model, "--target", own.labelled, "--json").json
    low, high = found["interval"]
    assert found["n"] == 12 and 0 <= low <= found["accuracy"] <= high <= 1
    right = sum(found["confusion"][i][i] for i in range(2))
    assert found["accuracy"] == pytest.approx(right / 12)
    assert set(found["per_class"]) == {"cross", "disc"} and "last" in found["trained"]
    text = run("eval", model, "--target", own.labelled).out
    assert "balanced accuracy" in text and "95 % interval" in text and "of 6" in text
    found = run("eval", model)
    assert found.code == 2 and "--target" in found.err
    found = run("eval", model, "--target", own.labelled, "--scenario", "synsigns")
    assert found.code == 2


def test_predict_answers_for_each_picture(run, model: Path, own: SimpleNamespace) -> None:
    rows = run("predict", model, own.loose, own.source / "disc" / "disc0.png").out.splitlines()
    assert len(rows) == 13
    path, label, score = rows[-1].split("\t")
    assert path.endswith("disc0.png") and label in ("cross", "disc") and 0.5 <= float(score) <= 1
    found = run("predict", model, own.source / "disc" / "disc0.png", "--json", "--top", "2").json
    (one,) = found
    assert one["label"] == one["top"][0]["label"] == label and len(one["top"]) == 2
    assert sum(one["scores"].values()) == pytest.approx(1, abs=1e-5)


def test_predict_goes_on_after_a_bad_picture(run, model: Path, own: SimpleNamespace, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    good = own.loose / "disc0.png"
    found = run("predict", model, bad, good, tmp_path / "absent.png")
    assert found.code == 1
    assert [line.split("\t")[0] for line in found.out.splitlines()] == [str(good)]
    assert len(found.err.splitlines()) == 2 and "bad.png" in found.err and "absent.png" in found.err
    found = run("predict", model, bad, good, "--json")
    assert found.code == 1 and len(found.json) == 1


def test_predict_a_folder_without_pictures(run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = run("predict", model, tmp_path / "empty")
    assert found.code == 1 and "no picture" in found.err


def test_predict_draws_a_class_map(run, model: Path, own: SimpleNamespace, tmp_path: Path) -> None:
    wide = Image.new("RGB", (96, 64), "grey")
    wide.paste(Image.open(own.loose / "disc0.png"), (30, 20))
    wide.save(tmp_path / "wide.png")
    found = run("predict", model, tmp_path / "wide.png", "--dense", tmp_path / "map.png")
    assert found.code == 0, found.err
    with Image.open(tmp_path / "map.png") as drawn:
        assert drawn.width > 96 and len(drawn.convert("RGB").getcolors(2**24)) > 100
    found = run("predict", model, own.loose, "--dense", tmp_path / "no.png")
    assert found.code == 2 and not (tmp_path / "no.png").exists()
    found = run("predict", model, tmp_path / "wide.png", "--dense", tmp_path / "nowhere" / "map.png")
    assert found.code == 1 and "nowhere" in found.err


def test_adapt(run, model: Path, own: SimpleNamespace, tmp_path: Path) -> None:
    out = tmp_path / "adapted"
    words = ["adapt", model, "--method", "tent", "--target", own.loose, "--out", out, "-q", "--set", "epochs=1", "--json"]
    found = run(*words)
    assert found.code == 0, found.err
    assert found.json["recipe"]["method"] == "tent"
    assert run("predict", out, own.loose / "disc0.png").code == 0
    table = tmp_path / "loose.csv"
    table.write_text("".join(f"{p}\n" for p in sorted(own.loose.glob("*.png"))))
    found = run("adapt", model, "-m", "tent", "--target", table, "--out", tmp_path / "b", "-q", "--set", "epochs=1", "--log", "nobody")
    assert found.code == 2 and "nobody" in found.err
    assert run("adapt", model, "-m", "tent", "--target", table, "--out", tmp_path / "b", "-q", "--set", "epochs=1").code == 0
    assert run("calibrate", tmp_path / "b", "--source", own.source, "--target", table, "--out", tmp_path / "c").code == 0
    found = run("adapt", model, "-m", "tent", "--target", tmp_path / "none", "--out", tmp_path / "d")
    assert found.code == 1 and "does not exist" in found.err
    found = run("adapt", model, "--method", "dann", "--target", own.loose, "--out", tmp_path / "no")
    assert found.code == 2 and "tent" in found.err


def test_packs(run, own: SimpleNamespace, settings: list[str], tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    made = run("data", "pack", own.source, pack, "--size", "16", "--terms", "drawn by a test", "--json")
    assert made.code == 0, made.err
    assert made.json["count"] == 12 and made.json["shape"] == [16, 16, 3] and made.json["classes"] == ["cross", "disc"]
    assert run("data", "info", pack, "--verify", "--json").json == made.json
    assert "drawn by a test" in run("data", "info", pack).out
    found = run("data", "pack", own.source, pack)
    assert found.code == 1 and "--force" in found.err
    assert run("data", "pack", own.source, pack, "--size", "16", "--force").code == 0
    found = run("train", "fcn-source", "--source", pack, "--target", own.loose, "--out", tmp_path / "o", "-q", *settings)
    assert found.code == 0, found.err
    content = bytearray((pack / "images.npy").read_bytes())
    content[-1] ^= 1
    (pack / "images.npy").write_bytes(content)
    assert run("data", "info", pack, "--verify").code == 1


def test_data_list_tells_found_from_missing(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dazoo.registry.plugins import zoo

    small = [n for n in zoo().datasets.names() if not n.startswith("synsigns")]  # those take seconds to draw
    monkeypatch.setattr(zoo().datasets, "names", lambda pattern="*": small)
    images, labels = [0] * 784, list(range(10))
    import numpy as np

    pixels = np.tile(np.array(images, np.uint8).reshape(1, 28, 28), (10, 1, 1))
    np.savez(tmp_path / "mnist.npz", x_train=pixels, y_train=labels, x_test=pixels[:5], y_test=labels[:5])
    found = run("data", "list", "--data", tmp_path, "--json").json
    by_name = {row["name"]: row for row in found["datasets"]}
    assert by_name["mnist"]["state"] == "found" and (by_name["mnist"]["train"], by_name["mnist"]["test"]) == (10, 5)
    assert by_name["usps"]["state"] == "missing" and "--download" in by_name["usps"]["problem"]
    text = run("data", "list", "--data", tmp_path).out
    assert "mnist\tfound\t10\t5\t10\t" in text and "usps:" in text
    assert run("data", "get", "mnist", "--data", tmp_path, "--json").json["train"] == 10
    json.dumps(found, allow_nan=False)
