"""Evaluate a model on labelled pictures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from dataclasses import replace
from typing import Any
from typing import cast

import numpy as np

from dazoo.contracts import Backbone
from dazoo.contracts import ImageSet
from dazoo.contracts import Method
from dazoo.data.folder import read_labelled
from dazoo.data.names import matched
from dazoo.data.names import tell_spellings
from dazoo.data.scenario import load_scenario
from dazoo.data.sources import labelled_set
from dazoo.data.sources import opened
from dazoo.engine.average import answering
from dazoo.engine.device import choose_device
from dazoo.engine.observe import outputs_of
from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.metrics.accuracy import accuracy
from dazoo.metrics.accuracy import balanced_accuracy
from dazoo.metrics.accuracy import confusion_matrix
from dazoo.metrics.accuracy import per_class_accuracy
from dazoo.metrics.intervals import Interval
from dazoo.metrics.intervals import wilson
from dazoo.models.build import unwrapped
from dazoo.models.load import resolve_model
from dazoo.models.model import Model
from dazoo.registry.plugins import zoo


@dataclass(frozen=True)
class Evaluation:
    """Counts on labelled pictures.

    Attributes:
        accuracy: share of right answers, with its 95 % Wilson `interval`, over `n` pictures.
        balanced: mean of the classes' accuracies. per_class: by class name; a class without pictures is absent.
        confusion: (K, K), rows are true classes.
        four: the four numbers of the training run, as the model's config records them.
    """

    accuracy: float
    interval: Interval
    balanced: float
    n: int
    per_class: Mapping[str, float]
    confusion: np.ndarray
    four: Mapping[str, Any]


def evaluate(
    model: Model | str | os.PathLike[str],
    *,
    scenario: str | None = None,
    target: Any = None,
    data: str | os.PathLike[str] | None = None,
    device: str = "auto",
    download: bool = False,
) -> Evaluation:
    """Count a model's right answers on a scenario's target test pictures, or on one's own, in one folder per class.

    Args:
        model: a model, or what `dazoo.load` takes.
        scenario: name; the model's own unless given. target: labelled pictures in place of a scenario: one folder per class,
            a table of files, or a data set (see `dazoo.data.sources`).
        data, device, download: see `dazoo.train`.

    Raises:
        SettingsError: no scenario and no folder, classes that the model does not know, or a head of another width than there are classes.
        DataError: pictures that are missing, cannot be read, or have no labels.
    """
    model = resolve_model(model)
    plugins = zoo()
    if target is not None:
        images = labelled_pictures(target, model)
    else:
        name = scenario or model.recipe["scenario"]
        if name is None:
            raise SettingsError(f"{model.name} has no scenario; give labelled pictures with --target DIR (one folder per class).")
        built = plugins.scenarios.build(name)
        images = load_scenario(built, data, size=model.size, channels=model.channels, download=download, zoo=plugins).target_test
        images = in_order(images, model)
    labels = images.labels
    if labels is None:
        raise DataError(f"{images.name} has no labels, so right answers cannot be counted.")
    where = choose_device(device)
    backbone, method = deepcopy((cast("Backbone", unwrapped(model.backbone)), model.method))
    method = method or Method(replace(model.problem(), backbone=backbone))
    networks = list(answering(method).values())
    for network in networks:
        network.to(where)
    logits = outputs_of(method.read, networks, images.images, where, "fp32").logits
    predicted, k = model.check_width(logits).argmax(1).numpy(), len(model.classes)
    by_class = per_class_accuracy(labels, predicted, k)  # (K,), NaN where a class has no picture
    return Evaluation(
        accuracy=accuracy(labels, predicted),
        interval=wilson(int((predicted == labels).sum()), len(labels)),
        balanced=balanced_accuracy(labels, predicted, k),
        n=len(labels),
        per_class={c: float(a) for c, a in zip(model.classes, by_class, strict=True) if not np.isnan(a)},
        confusion=confusion_matrix(labels, predicted, k),
        four=dict(model.config.get("results", {})),
    )


def labelled_pictures(given: Any, model: Model) -> ImageSet:
    """Labelled pictures of a person's own, as the model takes them: a folder per class, a table, or a data set; labels are the model's.

    Raises:
        SettingsError: classes that the model does not know.
        DataError, PictureError: pictures that are missing, cannot be read, or have no label.
    """
    listing = opened(given)
    if listing is not None:
        return labelled_set(listing, model.size, model.channels, model.classes)
    return in_order(read_labelled(given, size=model.size, channels=model.channels), model)


def in_order(images: ImageSet, model: Model) -> ImageSet:
    """Labels as indices into the model's classes."""
    known = matched(images.classes, model.classes)
    strange = sorted(set(images.classes) - set(known))
    if strange:
        raise SettingsError(
            f"{images.name} has classes that {model.name} does not know: {', '.join(strange[:5])}; it knows {', '.join(model.classes)}."
        )
    if images.classes == model.classes:
        return images
    tell_spellings(images.name, known)
    index = np.array([model.classes.index(known[c]) for c in images.classes], np.int64)
    return ImageSet(images.name, images.images, index[images.labels], model.classes)
