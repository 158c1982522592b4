"""Whether a fixed classifier reads drawn pictures as the classes that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch import nn

from dazoo.errors import DataError
from dazoo.metrics.accuracy import accuracy
from dazoo.metrics.accuracy import per_class_accuracy
from dazoo.metrics.pictures.extractor import prepared
from dazoo.metrics.pictures.given import floats_of
from dazoo.metrics.pictures.given import pixels_of
from dazoo.plain import per_cent


@dataclass(frozen=True)
class Reading:
    """What a classifier read.

    Attributes:
        share: of the pictures that were read as the class that was asked for.
        per_class: (K,) the same share of each class; NaN for one that was not asked for.
        read: (N,) the classes that were read.
    """

    share: float
    per_class: np.ndarray
    read: np.ndarray

    @property
    def commonest(self) -> float:
        """Share of the class that was read most often."""
        return float(np.bincount(self.read).max() / len(self.read))

    def __str__(self) -> str:
        asked = np.flatnonzero(~np.isnan(self.per_class))
        worst = asked[np.argmin(self.per_class[asked])]
        return (
            f"{per_cent(self.share)} of {len(self.read)} drawn pictures are read as the class that was asked for, "
            f"of class {worst} {per_cent(float(self.per_class[worst]))}, the fewest"
        )


def read_classes(classifier: Callable[[Tensor], Tensor], drawn: Any, asked: Any, *, batch: int = 64) -> Reading:
    """Ask a classifier what drawn pictures show.

    A classifier that was trained on the pictures that the GAN learnt from favours it: take one trained on others of the same classes.

    Args:
        classifier: a dazoo `Model`, or any callable from pictures (N, C, H, W) float in [-1, 1] to logits (N, K). Where it has `size` and
            `channels`, as a Model has, pictures are brought to them. A module is asked in eval mode.
        drawn: see `compare_sets`; one picture or more.
        asked: (N,) the classes that were asked for, indices.

    Raises:
        DataError: pictures of another kind, classes that do not fit them or the classifier, logits that are not finite.
    """
    pixels = pixels_of(drawn, "The drawn pictures", least=1)
    labels = np.asarray(asked.detach().cpu() if isinstance(asked, Tensor) else asked)
    if labels.shape != (len(pixels),) or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"asked is {labels.dtype} {labels.shape} for {len(pixels)} pictures; expected one class index for each.")
    size, channels = getattr(classifier, "size", None), getattr(classifier, "channels", pixels.shape[1])
    modules = list(classifier.modules()) if isinstance(classifier, nn.Module) else []
    training = [m for m in modules if m.training]
    for module in training:
        module.training = False
    try:
        with torch.inference_mode():
            rows = [classifier(_placed(prepared(floats_of(p), channels, size), modules)).float().cpu() for p in pixels.split(batch)]
    finally:
        for module in training:
            module.training = True
    logits = torch.cat(rows)
    if logits.ndim != 2 or len(logits) != len(pixels) or not torch.isfinite(logits).all():
        raise DataError(f"The classifier gives {tuple(logits.shape)} for {len(pixels)} pictures; expected finite logits (N, K).")
    read, classes = logits.argmax(1).numpy(), logits.shape[1]
    return Reading(accuracy(labels, read), per_class_accuracy(labels, read, classes), read)


def _placed(images: Tensor, modules: list[nn.Module]) -> Tensor:
    """Images where the classifier's parameters are, in their precision."""
    parameter = next((p for m in modules for p in m.parameters()), None)
    return images if parameter is None else images.to(parameter.device, parameter.dtype)
