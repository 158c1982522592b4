"""Models as files that other programs run: ONNX and torch.export, with everything inside that stands between pixels and probabilities."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import Backbone
from dazoo.contracts import Method
from dazoo.errors import DazooError
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo.models.answers import Answers
from dazoo.models.build import unwrapped
from dazoo.models.heads import heads_of
from dazoo.plain import expanded
from dazoo.plain import unwritten
from dazoo.version import __version__


FORMATS = ("onnx", "pt2")
OPSET = 18
TOLERANCE = 1e-3
"""Largest difference between probabilities."""
_BATCHES = (1, 2, 5)


class Whole(nn.Module):
    """From pixels to probabilities: normalisation, network, temperature and softmax.

    Shape:
        images (N, size, size, C) uint8, 0..255, as Pillow and NumPy have them; probabilities (N, K) float32.
    """

    def __init__(self, backbone: Backbone, method: Method | None, temperature: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.heads = nn.ModuleDict(heads_of(method))
        self._method, self.temperature = method, temperature

    def forward(self, images: Tensor) -> Tensor:
        """Pixels to probabilities."""
        x = images.permute(0, 3, 1, 2).float() / 127.5 - 1
        logits: Tensor = self.backbone(x) if self._method is None else self._method.read(x).logits
        return (logits / self.temperature).softmax(1)


@dataclass(frozen=True)
class Export:
    """A file that was written.

    Attributes:
        path: of the file. format: "onnx" or "pt2". opset: of ONNX, else None.
        difference: the largest one between its probabilities and the model's own, on random pictures; None where nothing here runs it.
        checked_with: what ran it.
    """

    path: Path
    format: str
    opset: int | None
    difference: float | None
    checked_with: str | None


def export_model(model: Answers, path: str | os.PathLike[str], *, format: str | None = None, opset: int = OPSET) -> Export:
    """Write a model as a file that takes any number of pictures, and compare what it answers with the model.

    The file takes uint8 pictures (N, size, size, C) and gives probabilities (N, K). It normalises, and applies the temperature and softmax.
    It does not resize: bring pictures to the model's `size` first (`Model.transform` shows how they were in training).

    Args:
        path: where to; a file that is there is replaced after the new one has been checked.
        format: "onnx" or "pt2" (torch.export); by the ending of the path unless given.
        opset: of ONNX.

    Raises:
        SettingsError: an unknown format, or packages that are missing.
        WeightsError: the network cannot be exported, or the file gives other probabilities, or it cannot be written.
    """
    final = expanded(path)
    kind = format or final.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise SettingsError(f"{final.name} ends in neither .onnx nor .pt2; end it so, or say --format onnx or --format pt2 (got {kind!r}).")
    lacking = [name for name in ("onnx", "onnxscript") if kind == "onnx" and not find_spec(name)]
    if lacking:
        raise SettingsError(f"Exporting to ONNX needs {' and '.join(lacking)}: pip install 'dazoo[onnx]', or export to .pt2.")
    whole = _whole(model)
    draft = final.with_name(f".{final.name}-draft.{kind}")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        run = _write_onnx(model, whole, draft, opset) if kind == "onnx" else _write_pt2(model, whole, draft)
        difference = None if run is None else _difference(model, whole, run)
        if difference is not None and not difference <= TOLERANCE:
            raise WeightsError(
                f"{final} would answer otherwise than {model.name}: probabilities differ by {difference:.2g}. It is not kept."
            )
        os.replace(draft, final)
    except OSError as exc:
        raise WeightsError(unwritten(final, exc)) from exc
    finally:
        with suppress(OSError):
            draft.unlink()
    ran = None if run is None else "onnxruntime" if kind == "onnx" else "torch.export"
    return Export(final, kind, opset if kind == "onnx" else None, difference, ran)


def _whole(model: Answers) -> Whole:
    model.check_width(model.reference(torch.zeros(1, model.channels, model.size, model.size)))
    backbone, method = deepcopy((cast("Backbone", unwrapped(model.backbone)), model.method))
    whole = Whole(backbone, method, model.temperature).cpu().float().eval()
    return whole.requires_grad_(False)


def _facts(model: Answers) -> dict[str, str]:
    """What stands in the file beside the network, as text."""
    return {
        "classes": json.dumps(model.classes, ensure_ascii=False),
        "input": f"uint8 (N, {model.size}, {model.size}, {model.channels}), 0..255, {'grey' if model.channels == 1 else 'RGB'}",
        "name": model.name,
        "temperature": repr(model.temperature),
        "dazoo": __version__,
    }


def _pixels(model: Answers, n: int) -> Tensor:
    generator = torch.Generator().manual_seed(n)
    return torch.randint(0, 256, (n, model.size, model.size, model.channels), generator=generator, dtype=torch.uint8)


def _write_onnx(model: Answers, whole: Whole, path: Path, opset: int) -> Callable[[Tensor], Tensor] | None:
    with _spoken(model, "ONNX"):
        program = torch.onnx.export(
            whole,
            (_pixels(model, 2),),
            dynamo=True,
            opset_version=opset,
            input_names=["images"],
            output_names=["probabilities"],
            dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
            verbose=False,
        )
        assert program is not None
        program.model.metadata_props.update(_facts(model))
        program.save(path, external_data=False)
    if not find_spec("onnxruntime"):
        return None
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return lambda pixels: torch.from_numpy(session.run(None, {"images": pixels.numpy()})[0])


def _write_pt2(model: Answers, whole: Whole, path: Path) -> Callable[[Tensor], Tensor]:
    with _spoken(model, "torch.export"):
        program = torch.export.export(whole, (_pixels(model, 2),), dynamic_shapes={"images": {0: torch.export.Dim("batch")}})
        torch.export.save(program, path, extra_files={"dazoo.json": json.dumps(_facts(model), ensure_ascii=False)})
        again: Callable[[Tensor], Tensor] = torch.export.load(path).module()
    return again


def _difference(model: Answers, whole: Whole, run: Callable[[Tensor], Tensor]) -> float:
    """The largest difference from what the model itself says, over batches of several sizes."""
    largest = 0.0
    for n in _BATCHES:
        pixels = _pixels(model, n)
        wanted = (model.reference(pixels.permute(0, 3, 1, 2).float() / 127.5 - 1) / whole.temperature).softmax(1)
        with torch.inference_mode():
            largest = max(largest, float((run(pixels) - wanted).abs().max()))
    return largest


@contextmanager
def _spoken(model: Answers, what: str) -> Iterator[None]:
    """A block whose exporter's errors become one of ours; its warnings, which are about itself, are left out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (DazooError, OSError):
        raise
    except Exception as exc:  # exporters raise whatever their stages do
        reason = " ".join(str(exc).split())[:300]
        raise WeightsError(f"{model.name} cannot be exported to {what}: {type(exc).__name__}: {reason}") from exc
