"""Does a GAN help a classifier? The same network trained on real pictures, with plain augmentation, with drawn pictures, and with both."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dazoo.contracts import ImageSet
from dazoo.data.one_set import read_set
from dazoo.errors import SettingsError
from dazoo.models.gan_model import GANModel
from dazoo.plain import whole_number
from dazoo.registry.plugins import zoo
from dazoo.runs.training import train


ROWS = ("real only", "plain augmentation", "drawn pictures added", "both")


@dataclass(frozen=True)
class Row:
    """One way to train, with the accuracy of each seed on the test pictures, in [0, 1]."""

    name: str
    accuracies: tuple[float, ...]


def augment(
    model: GANModel,
    images: Any,
    test: Any,
    *,
    backbone: str = "",
    drawn: int = 0,
    augmentation: str = "objects",
    seeds: int = 3,
    settings: Mapping[str, Any] | None = None,
    **where: Any,
) -> Iterator[Row]:
    """The four rows, one after another; equal steps, network and seeds in all of them.

    Args:
        model: a GAN that is told classes.
        images: the real labelled pictures to train on, best those that the GAN learnt from; `test`: others to count on (of a
            registered set, its test split). See `train_gan`.
        backbone: a registered one; the best start at hand unless given (see `dazoo.train`).
        drawn: drawn pictures to add; 0 for as many as there are real ones. Classes are drawn equally often.
        augmentation: what plain augmentation is ("dazoo list augmentations").
        seeds: how many, from 0.
        settings: of the run, such as {"epochs": 5}.
        where: `data`, folder of registered data sets; `device`.

    Raises:
        SettingsError: the GAN knows no classes, or others than the pictures.
    """
    if not model.classes:
        raise SettingsError(f"{model.name} knows no classes, so what it draws has no label to learn from; train a class-conditional GAN.")
    reading: dict[str, Any] = {"size": model.size, "channels": model.channels, "zoo": zoo(), "data": where.get("data")}
    real, held_out = read_set(images, **reading), read_set(test, split="test", **reading)
    strange = sorted(set(real.classes) ^ set(model.classes))
    if strange:
        raise SettingsError(f"The pictures and {model.name} do not have the same classes: {', '.join(strange[:5])} on one side alone.")
    n = whole_number("drawn", drawn) if drawn else len(real)
    more = _joined(real, model, n)
    base = {"size": model.size, "channels": model.channels, "crop": False, **(settings or {})}
    for name, pictures, views in zip(ROWS, (real, real, more, more), ("none", augmentation) * 2, strict=True):
        found = []
        for seed in range(seeds):
            trained = train(
                f"{backbone}-source" if backbone else "source", source=pictures, target=held_out, seed=seed, device=where.get("device", "auto"), quiet=True,
                settings={**base, "augment": views}, source_only=False,
            )  # fmt: skip
            assert trained.numbers is not None  # the test pictures have labels
            found.append(trained.numbers.last)
        yield Row(name, tuple(found))


def _joined(real: ImageSet, model: GANModel, n: int) -> ImageSet:
    """The real pictures and `n` drawn ones, with the labels that were asked for."""
    wanted = np.arange(n) % len(model.classes)
    drawn = model.generate(n, labels=wanted, seed=0)
    pixels = ((drawn.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()  # (n, H, W, C)
    index = np.array([real.classes.index(name) for name in model.classes], np.int64)
    assert real.labels is not None
    images = np.concatenate([np.asarray(real.images), pixels])
    return ImageSet(f"{real.name} and drawn ones", images, np.concatenate([real.labels, index[wanted]]), real.classes)
