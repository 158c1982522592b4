"""Adapt a trained model to target pictures alone, and evaluate a model on labelled ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dazoo.contracts import ImageSet
from dazoo.contracts import Problem
from dazoo.data.folder import read_labelled
from dazoo.data.folder import read_loose
from dazoo.data.scenario import load_scenario
from dazoo.engine.device import choose_device
from dazoo.engine.history import TrainingData
from dazoo.engine.observe import outputs_of
from dazoo.engine.run import Options
from dazoo.engine.run import adapt_trained
from dazoo.engine.seeds import checked_seed
from dazoo.engine.settings import Settings
from dazoo.errors import SettingsError
from dazoo.metrics.accuracy import accuracy
from dazoo.metrics.accuracy import balanced_accuracy
from dazoo.metrics.accuracy import confusion_matrix
from dazoo.metrics.accuracy import per_class_accuracy
from dazoo.metrics.intervals import Interval
from dazoo.metrics.intervals import wilson
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import zoo
from dazoo.models.model import Model
from dazoo.models.save import save
from dazoo.runs.training import describe
from dazoo.runs.training import resolve_model


def adapt(
    model: Model | str | os.PathLike[str],
    target: Any,
    *,
    method: str,
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    settings: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Model:
    """A copy of a trained model, adapted to pictures without labels by a source-free or test-time method.

    Args:
        model: a model, or what `dazoo.load` takes.
        target: a folder of pictures, or the pictures themselves (whatever `Model.predict` takes).
        method: name of a method that adapts trained models ("dazoo list methods" tells).
        out: folder to save the adapted model in.
        seed, device, settings, quiet: see `dazoo.train`.

    Raises:
        SettingsError: the method needs labelled source pictures.
        DataError, PictureError: pictures that are missing or cannot be read.
    """
    seed, plugins = checked_seed(seed), zoo()
    before = resolve_model(model)
    if not plugins.methods.resolve(method).adapts_trained:
        fit = [m for m in plugins.methods.names() if plugins.methods.resolve(m).adapts_trained]
        raise SettingsError(
            f"{method!r} needs labelled source pictures: use dazoo.train. Methods that adapt a trained model: {', '.join(fit)}."
        )
    where = choose_device(device)
    images = _pictures(before, target)
    backbone = deepcopy(before.backbone)
    options = Options.parse(settings or {})
    counts = tuple(before.config.get("source_counts", [1] * len(before.classes)))
    problem = Problem(backbone, len(before.classes), before.channels, before.size, counts, len(images))
    recipe = Recipe(**{**before.recipe, "method": method})
    known = {**before.config.get("settings", {}), "size": before.size, "batch": min(64, max(2, len(images)))}
    base = Settings.layered({k: v for k, v in known.items() if k in ("size", "batch", "augment", "precision")})
    result = adapt_trained(
        plugins, recipe, problem, TrainingData(None, None, images, images), base, options.parts,
        overrides=options.run, seed=seed, device=where, validators={}, quiet=quiet,
    )  # fmt: skip
    config = {**before.config, **describe(result, recipe, options, None, seed), "name": f"{before.name}.{method}"}
    for key in ("backbone_settings", "gan_settings", "bridge_settings", "source_counts"):
        config[key] = before.config.get(key, config[key])
    for key in ("schema", "recipe", "classes", "channels", "size", "files"):
        config.pop(key, None)
    adapted = Model(
        result.backbone,
        recipe=asdict(replace(recipe, gan=None)),
        classes=before.classes,
        channels=before.channels,
        size=before.size,
        config=config,
    ).eval()
    if out is not None:
        save(adapted, out)
    return adapted


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
    target: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | None = None,
    device: str = "auto",
    download: bool = False,
) -> Evaluation:
    """Count a model's right answers on a scenario's target test pictures, or on a folder a class of one's own.

    Args:
        model: a model, or what `dazoo.load` takes.
        scenario: name; the model's own unless given. target: a folder a class, in place of a scenario.
        data, device, download: see `dazoo.train`.

    Raises:
        SettingsError: no scenario and no folder, classes that the model does not know, or a head of another width than there are classes.
        DataError: pictures that are missing or cannot be read.
    """
    model = resolve_model(model)
    plugins = zoo()
    if target is not None:
        images = _in_order(read_labelled(Path(target), size=model.size, channels=model.channels), model)
    else:
        name = scenario or model.recipe["scenario"]
        if name is None:
            raise SettingsError(f"{model.name} has no scenario; give labelled pictures with --target DIR (a folder a class).")
        task = plugins.scenarios.build(name)
        images = load_scenario(task, data, size=model.size, channels=model.channels, download=download, zoo=plugins).target_test
        images = _in_order(images, model)
    where = choose_device(device)
    _, logits = outputs_of(deepcopy(model.backbone).to(where), images.images, where, "fp32")
    predicted, labels, k = model.check_width(logits).argmax(1).numpy(), images.labels, len(model.classes)
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


def _in_order(images: ImageSet, model: Model) -> ImageSet:
    """Labels as indices into the model's classes."""
    strange = sorted(set(images.classes) - set(model.classes))
    if strange:
        raise SettingsError(
            f"{images.name} has classes that {model.name} does not know: {', '.join(strange[:5])}; it knows {', '.join(model.classes)}."
        )
    if images.classes == model.classes:
        return images
    index = np.array([model.classes.index(c) for c in images.classes], np.int64)
    return ImageSet(images.name, images.images, index[images.labels], model.classes)


def _pictures(model: Model, target: Any) -> ImageSet:
    if isinstance(target, ImageSet):
        return target.unlabelled()
    if isinstance(target, str | os.PathLike) and Path(target).is_dir():
        return read_loose(target, size=model.size, channels=model.channels, classes=model.classes)
    pixels = model.preprocess(target).add(1).mul(127.5).round().clamp(0, 255).byte()  # (N, C, H, W)
    return ImageSet("the given pictures", pixels.permute(0, 2, 3, 1).contiguous().numpy(), None, model.classes)


__all__: Sequence[str] = ("Evaluation", "adapt", "evaluate")
