"""Make the scores of a trained model mean something: a temperature, and what tells pictures like the training's from others.

Both are fitted on held-out source pictures. Target labels, where there are any, are read to count alone, after everything is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dazoo.contracts import ImageSet
from dazoo.contracts import Method
from dazoo.contracts import Outputs
from dazoo.engine.average import answering
from dazoo.engine.observe import outputs_of
from dazoo.errors import DataError
from dazoo.metrics.calibration import fit_temperature
from dazoo.metrics.calibration import reliability
from dazoo.metrics.novelty import familiar_of
from dazoo.models.answers import KEEPS
from dazoo.models.answers import Answers


PER_CLASS, MOST = 32, 4096
"""Training pictures whose features a model keeps: of each class, and in all."""


@dataclass(frozen=True)
class Seen:
    """A set of pictures as the model sees it.

    Attributes:
        images: the set. logits: (N, K) float32 on the CPU.
    """

    images: ImageSet
    logits: Tensor

    @property
    def answers(self) -> np.ndarray:
        """Class indices (N,)."""
        return self.logits.argmax(1).numpy()


def calibrate_model(model: Answers, train: ImageSet, held_out: ImageSet, target: ImageSet | None = None) -> tuple[Seen, Seen | None]:
    """Fit a model's temperature and what it keeps for "none of these"; both become part of it, in place.

    The temperature is not below 1. Held-out source pictures are easier than target pictures, and a temperature below 1, which they often
    ask for, makes the scores on the target worse (`docs/scores.md`).

    Args:
        train: labelled source pictures that the model learnt from.
        held_out: labelled source pictures that it did not learn from.
        target: target pictures; labels are used to count alone.

    Returns:
        What the model answers on `held_out` and on `target`.

    Raises:
        DataError: `train` or `held_out` has no labels.
    """
    if train.labels is None or held_out.labels is None:
        raise DataError(f"{train.name if train.labels is None else held_out.name} has no labels; temperature scaling needs them.")
    known = _outputs(model, _some_of_each(train))
    source = _outputs(model, held_out)
    labels = torch.from_numpy(np.ascontiguousarray(held_out.labels))
    fitted = fit_temperature(source.logits, labels)
    temperature = max(1.0, fitted)
    right = source.logits.argmax(1) == labels
    facts: dict[str, Any] = {
        "temperature": temperature,
        "fitted": fitted,
        "source": {**reliability(source.logits, labels, temperature).to_dict(), "ece_before": reliability(source.logits, labels).ece},
    }
    model.familiar = familiar_of(known.features, source.features[right]) if bool(right.any()) else None
    if model.familiar is not None:
        shares = model.familiar(source.features)
        facts["unknown"] = {"keeps": KEEPS, "source_rejected": float((shares[right] < 1 - KEEPS).float().mean())}
    there = _target(model, target, temperature, facts) if target is not None else None
    model.config["calibration"] = facts
    return Seen(held_out, source.logits), there


def _target(model: Answers, target: ImageSet, temperature: float, facts: dict[str, Any]) -> Seen:
    """Look at the target, and count there where labels allow it."""
    out = _outputs(model, target)
    shares = model.familiar(out.features) if model.familiar is not None else None
    if shares is not None:
        facts["unknown"]["target_rejected"] = float((shares < 1 - KEEPS).float().mean())
    if target.labels is not None:
        labels = torch.from_numpy(np.ascontiguousarray(target.labels))
        before = reliability(out.logits, labels).ece
        facts["target"] = {**reliability(out.logits, labels, temperature).to_dict(), "ece_before": before}
        right = out.logits.argmax(1) == labels
        for name, where in (("right", right), ("wrong", ~right)):
            if shares is not None and bool(where.any()):
                facts["unknown"][f"target_{name}_rejected"] = float((shares[where] < 1 - KEEPS).float().mean())
    return Seen(target, out.logits)


def _outputs(model: Answers, images: ImageSet) -> Outputs:
    method = model.method or Method(model.problem())
    return outputs_of(method.read, list(answering(method).values()), images.images, model.device, "fp32")


def _some_of_each(images: ImageSet) -> ImageSet:
    """Some pictures of each class, the same ones every time."""
    assert images.labels is not None
    order = np.random.default_rng(0).permutation(len(images))
    most = max(1, min(PER_CLASS, MOST // len(images.classes)))
    members = [order[images.labels[order] == k][:most] for k in range(len(images.classes))]
    return images.select(np.sort(np.concatenate(members)))
