"""Exported files answer as the model does, and say why they cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo.models import exporting
from dazoo.models.exporting import export_model
from dazoo.models.model import Model


def calibrated(model: Model, temperature: float = 2.5) -> Model:
    """The model with a temperature that must be inside of the file."""
    row = {"n": 9, "accuracy": 0.5, "ece": 0.1, "ece_before": 0.2, "bins": [[9, 0.5, 0.5]]}
    model.config["calibration"] = {"temperature": temperature, "fitted": temperature, "source": row}
    return model


@pytest.fixture
def pixels(model: Model) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (7, model.size, model.size, 3), np.uint8)


def wanted(model: Model, pixels: np.ndarray) -> np.ndarray:
    return np.array([list(p.scores.values()) for p in model.predict(pixels)], np.float32)


def test_torch_export(model: Model, pixels: np.ndarray, tmp_path: Path) -> None:
    made = calibrated(model).export(tmp_path / "deep" / "model.pt2")
    assert made.format == "pt2" and made.difference < 1e-5 and made.opset is None
    extra = {"dazoo.json": ""}
    program = torch.export.load(made.path, extra_files=extra).module()
    for n in (1, 7):
        assert np.abs(program(torch.from_numpy(pixels[:n])).numpy() - wanted(model, pixels[:n])).max() < 1e-5
    assert json.loads(json.loads(extra["dazoo.json"])["classes"]) == list(model.classes)
    assert [p.name for p in made.path.parent.iterdir()] == ["model.pt2"]


def test_onnx(model: Model, pixels: np.ndarray, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    made = calibrated(model).to_onnx(tmp_path / "model.onnx", opset=18)
    assert made.checked_with == "onnxruntime" and made.difference < 1e-5 and made.opset == 18
    session = runtime.InferenceSession(made.path)
    for n in (1, 7):
        (found,) = session.run(None, {"images": pixels[:n]})
        assert found.shape == (n, 3) and np.abs(found - wanted(model, pixels[:n])).max() < 1e-5
    stored = onnx.load(made.path)
    facts = {p.key: p.value for p in stored.metadata_props}
    assert json.loads(facts["classes"]) == list(model.classes) and facts["temperature"] == "2.5"
    assert next(o.version for o in stored.opset_import if o.domain == "") == 18


def test_a_file_that_answers_otherwise_is_not_kept(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "m.pt2").write_text("the old one")
    right = exporting._write_pt2
    monkeypatch.setattr(exporting, "_write_pt2", lambda *a: (run := right(*a)) and (lambda x: run(x) + 0.01))
    with pytest.raises(WeightsError, match="differ by 0.01"):
        model.export(here / "m.pt2")
    assert [p.name for p in here.iterdir()] == ["m.pt2"] and (here / "m.pt2").read_text() == "the old one"


def test_what_cannot_be_exported_says_why(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    with pytest.raises(SettingsError, match="neither .onnx nor .pt2"):
        model.export(here / "model.bin")
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"onnx and onnxscript: pip install 'dazoo\[onnx\]'"):
        model.to_onnx(here / "model.onnx")
    (here / "file").touch()
    with pytest.raises(WeightsError, match="cannot be written"):
        model.export(here / "file" / "model.pt2")
    model.backbone.head = torch.nn.Linear(model.backbone.num_features, 7)
    with pytest.raises(SettingsError, match="has 7 outputs, the model .* 3 classes"):
        export_model(model, here / "model.pt2")
    assert [p.name for p in here.iterdir()] == ["file"]
