"""The golden pair of a saved model: an input and the logits that it gave when it was saved, to compare with what it gives now."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from torch import Tensor

from dazoo.data.paths import cache_dir
from dazoo.errors import WeightsError
from dazoo.models.config import GOLDEN
from dazoo.models.gan_files import verify_gan
from dazoo.models.gan_model import GANModel
from dazoo.models.model import Model
from dazoo.models.provenance import changed
from dazoo.models.tensors import read_tensors


LOGITS, PICTURES = 1e-3, 0.02
"""Largest differences that processors and versions of torch explain: of logits, in units of the largest one; of pictures, in [0, 2]."""


def difference(model: Model) -> float:
    """The largest difference between the logits of a loaded model and the golden ones, in units of the largest golden one.

    Raises:
        WeightsError: it has no golden pair, or one that does not fit it.
    """
    folder = model.folder
    if GOLDEN not in model.config["files"] or folder is None:
        raise WeightsError(f"{model.name} has no {GOLDEN}, so nothing can be compared; save it again with golden=True.")
    pair = read_tensors(folder / GOLDEN)
    if not _is_golden(pair, model):
        raise WeightsError(f"{folder / GOLDEN} is no golden pair ('input' (N, C, size, size), 'logits' (N, K)). Save the model again.")
    found, wanted = model.reference(pair["input"].float()), pair["logits"].float()
    if found.shape != wanted.shape:
        raise WeightsError(f"{folder / GOLDEN} has logits {tuple(wanted.shape)}, the model gives {tuple(found.shape)}. Save it again.")
    return ((found - wanted).abs().max() / wanted.abs().max().clamp_min(1e-12)).item()


def _is_golden(pair: Mapping[str, Tensor], model: Model) -> bool:
    """Whether tensors are an input that the model takes, of one picture at least, and logits."""
    if set(pair) != {"input", "logits"} or not all(t.is_floating_point() for t in pair.values()):
        return False
    return len(pair["input"].shape) == 4 and len(pair["input"]) > 0 and pair["input"].shape[1:] == (model.channels, model.size, model.size)


def compare_once(model: Model | GANModel, folder: Path) -> None:
    """Compare a model that was just loaded, if a distribution has another version now than when it was saved.

    What was found alike is remembered in the cache folder and not compared again; what was not is a warning at every load.
    """
    others = changed(model.config)
    if not others or GOLDEN not in model.config.get("files", {}):
        return
    now = {dist: pair[1] for dist, pair in others.items()}
    key = json.dumps([model.config["files"], model.config["plugins"], now], sort_keys=True)
    stamp = cache_dir() / "verified" / hashlib.sha256(key.encode()).hexdigest()
    with suppress(OSError):
        if stamp.is_file():
            return
    try:
        found = difference(model) if isinstance(model, Model) else verify_gan(model, folder)
    except WeightsError as exc:
        warnings.warn(f"{model.name} cannot be compared with what it gave when it was saved: {exc}", stacklevel=3)
        return
    if found <= (LOGITS if isinstance(model, Model) else PICTURES):
        with suppress(OSError):  # a cache that cannot be written only costs another comparison
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.touch()
        return
    what = "other logits" if isinstance(model, Model) else "other pictures"
    versions = ", ".join(f"{dist} {then} then, {here or 'none'} now" for dist, (then, here) in others.items())
    warnings.warn(
        f"{model.name} gives {what} than when it was saved (a difference of {found:.2g}): {versions}. "
        "Its results are not those on its card. Install the versions that it was saved with, or train it again.",
        stacklevel=3,
    )
