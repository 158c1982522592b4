"""Does a saved model still give the numbers that it was saved with?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from dazoo.errors import WeightsError
from dazoo.models.config import GOLDEN
from dazoo.models.hub import Hub
from dazoo.models.load import load
from dazoo.models.model import Model
from dazoo.models.tensors import read_tensors


@dataclass(frozen=True)
class Verified:
    """What was compared: `name` of the model, `difference` the largest one between logits, in units of their largest value."""

    name: str
    difference: float


def verify(ref: str | os.PathLike[str], *, tolerance: float = 1e-3, revision: str | None = None, hub: Hub | None = None) -> Verified:
    """Load a model (which checks names, shapes and digests) and compare its logits with the golden ones stored beside it.

    Args:
        ref, revision, hub: see `load`.
        tolerance: largest difference, relative to the largest golden logit; processors and torch versions round differently.

    Raises:
        WeightsError: no golden pair, or other numbers; and as `load`.
    """
    model = load(ref, revision=revision, hub=hub)
    folder = model.folder
    if GOLDEN not in model.config["files"] or folder is None:
        raise WeightsError(f"{model.name} has no {GOLDEN}, so nothing can be compared; save it again with golden=True.")
    pair = read_tensors(folder / GOLDEN)
    if not _is_golden(pair, model):
        raise WeightsError(f"{folder / GOLDEN} is no golden pair ('input' (N, C, size, size), 'logits' (N, K)). Save the model again.")
    found, wanted = model.reference(pair["input"].float()), pair["logits"].float()
    if found.shape != wanted.shape:
        raise WeightsError(f"{folder / GOLDEN} has logits {tuple(wanted.shape)}, the model gives {tuple(found.shape)}. Save it again.")
    difference = ((found - wanted).abs().max() / wanted.abs().max().clamp_min(1e-12)).item()
    if not difference <= tolerance:
        raise WeightsError(
            f"{model.name} gives other logits than when saved: they differ by {difference:.2g} of the largest, allowed is {tolerance:g}. "
            "Install the versions that its card names."
        )
    return Verified(model.name, difference)


def _is_golden(pair: Mapping[str, Tensor], model: Model) -> bool:
    """Whether tensors are an input that the model takes, of one picture at least, and logits."""
    if set(pair) != {"input", "logits"} or not all(t.is_floating_point() for t in pair.values()):
        return False
    return len(pair["input"].shape) == 4 and len(pair["input"]) > 0 and pair["input"].shape[1:] == (model.channels, model.size, model.size)
