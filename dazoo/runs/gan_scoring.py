"""Figures of a trained GAN's new pictures, beside real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dazoo.contracts import ImageSet
from dazoo.data.one_set import read_set
from dazoo.metrics.pictures import Figures
from dazoo.metrics.pictures import Reading
from dazoo.metrics.pictures import compare_sets
from dazoo.metrics.pictures import read_classes
from dazoo.models.extracting import extractor_of
from dazoo.models.gan_model import GANModel
from dazoo.models.load import resolve_model
from dazoo.registry.plugins import zoo


def score_gan(
    model: GANModel, images: Any, extractor: Any, *, n: int = 1000, reader: Any = None, seed: int = 0, **where: Any
) -> tuple[Figures, Reading | None]:
    """How far `n` new pictures are from as many real ones, and which share is read as the class that was asked for.

    A model that is told classes draws each equally often, and is compared with real pictures of each equally often where they are labelled.

    Args:
        images: the real ones, see `dazoo.train_gan`; as many as there are where there are fewer than `n`.
        extractor: see `dazoo.models.extracting.extractor_of`.
        reader: a classifier of the model's classes, or None.
        where: `data`, folder of registered data sets; `device`.

    Raises:
        SettingsError: the model starts from pictures, or the reader has other classes. DataError, PictureError: the real pictures.
    """
    real = read_set(images, size=model.size, channels=model.channels, zoo=zoo(), data=where.get("data"))
    asked = np.arange(n) % len(model.classes) if model.classes else None
    rows = _rows(real, model.classes, n, seed)
    drawn = model.generate(n, labels=asked, seed=seed)
    device = where.get("device", "cpu")
    figures = compare_sets(np.asarray(real.images[rows]), drawn, extractor=extractor_of(extractor, device=device), seed=seed)
    if reader is None or asked is None:
        return figures, None
    classifier = resolve_model(reader, device)
    names = [classifier.classes.index(name) for name in model.classes]
    return figures, read_classes(classifier, drawn, np.array(names)[asked])


def _rows(real: ImageSet, classes: Sequence[str], n: int, seed: int) -> np.ndarray:
    """Indices of at most `n` real pictures: of each class as many as are drawn, or all of its; any where nothing is told of classes."""
    order = np.random.default_rng(seed).permutation(len(real))
    if real.labels is None or not classes or not set(classes) <= set(real.classes):
        return np.sort(order[:n])
    counts = np.bincount(np.arange(n) % len(classes), minlength=len(classes))
    labels = real.labels[order]
    return np.sort(np.concatenate([order[labels == real.classes.index(c)][:k] for c, k in zip(classes, counts, strict=True)]))
