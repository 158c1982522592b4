"""Calibrate a trained model: one that was saved before models were calibrated, or that was adapted or given a new head since."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from dazoo.contracts import ImageSet
from dazoo.data.own import HELD_OUT_SHARE
from dazoo.data.own import split_classes
from dazoo.data.scenario import load_scenario
from dazoo.engine.device import choose_device
from dazoo.errors import SettingsError
from dazoo.models.calibrating import calibrate_model
from dazoo.models.card_scores import with_scores
from dazoo.models.figures import calibration_png
from dazoo.models.load import resolve_model
from dazoo.models.model import Model
from dazoo.models.save import save
from dazoo.registry.plugins import zoo
from dazoo.runs.adapting import loose_pictures
from dazoo.runs.evaluating import labelled_pictures
from dazoo.runs.plan import PathLike


def calibrate(
    model: Model | PathLike,
    *,
    source: Any = None,
    target: Any = None,
    data: PathLike | None = None,
    out: PathLike | None = None,
    device: str = "auto",
    download: bool = False,
) -> Model:
    """Fit a model's temperature and what it takes for "none of these"; training has done so already for the models that it saves.

    Args:
        model: a model, which changes in place, or what `dazoo.load` takes.
        source: labelled pictures (one folder per class, a table, a data set), a tenth of which is held out as in training; the model's
            scenario unless given.
        target: pictures without labels, on which is counted how many would be turned away; whatever `dazoo.adapt` takes.
        data, device, download: see `dazoo.train`.
        out: folder to save the calibrated model in.

    Raises:
        SettingsError: no scenario and no folder, or classes that the model does not know.
        DataError: pictures that are missing, cannot be read, or have no labels.
    """
    model = resolve_model(model)
    train, held_out, there = _sets(model, source, target, data, download)
    home = model.device
    model.to(choose_device(device))
    calibrate_model(model, train, held_out, there)
    model.to(home)
    if find_spec("matplotlib"):
        model.pictures = {**model.pictures, "calibration.png": calibration_png(model.config["calibration"])}
    if model.has_card:
        model.card = with_scores(model.card, model.config, sorted(model.pictures))
    if out is not None:
        save(model, out)
    return model


def _sets(model: Model, source: Any, target: Any, data: PathLike | None, download: bool) -> tuple[ImageSet, ImageSet, ImageSet | None]:
    if source is not None:
        seed = model.config.get("results", {}).get("seed", 0)
        train, held_out = split_classes(labelled_pictures(source, model), HELD_OUT_SHARE, seed if type(seed) is int else 0)
        return train, held_out, None if target is None else loose_pictures(model, target)
    name = model.recipe["scenario"]
    if name is None or target is not None:
        raise SettingsError(f"{model.name} has no scenario, or one was asked for with pictures of your own; give labelled ones (source=).")
    domains = load_scenario(zoo().scenarios.build(name), data, size=model.size, channels=model.channels, download=download, zoo=zoo())
    unlike = [s for s in (domains.source_train, domains.source_test) if s.classes != model.classes]
    if unlike:
        raise SettingsError(f"{unlike[0].name} has other classes than {model.name}; give labelled pictures of its own (source=).")
    return domains.source_train, domains.source_test, domains.target_test
