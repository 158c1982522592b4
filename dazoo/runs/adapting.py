"""Adapt a trained model to target pictures alone: a finished model, or a stream that answers as it adapts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict
from dataclasses import replace
from typing import Any
from typing import Unpack
from typing import cast

from dazoo.contracts import Augmentation
from dazoo.contracts import Backbone
from dazoo.contracts import Ending
from dazoo.contracts import ImageSet
from dazoo.contracts import Method
from dazoo.contracts import Running
from dazoo.data.folder import read_loose
from dazoo.data.items import is_items
from dazoo.data.sources import opened
from dazoo.data.sources import target_sets
from dazoo.engine.device import choose_device
from dazoo.engine.observe import TrainingData
from dazoo.engine.seeds import checked_seed
from dazoo.engine.settings import Settings
from dazoo.engine.setup import Setup
from dazoo.engine.setup import Site
from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.models.build import unwrapped
from dazoo.models.load import resolve_model
from dazoo.models.model import Model
from dazoo.models.parts import problem_of
from dazoo.models.save import check_place
from dazoo.models.save import save
from dazoo.plain import expanded
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo
from dazoo.runs.judging import Judge
from dazoo.runs.judging import Observer
from dazoo.runs.judging import warn
from dazoo.runs.plan import PARTS
from dazoo.runs.plan import split_settings
from dazoo.runs.second import stage_settings
from dazoo.runs.stages import Result
from dazoo.runs.stages import adapt_trained
from dazoo.runs.stages import validators_of
from dazoo.runs.telling import Listeners
from dazoo.runs.telling import build_loggers
from dazoo.runs.telling import told
from dazoo.runs.training import describe


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
    **listeners: Unpack[Listeners],
) -> Model:
    """A copy of a trained model, adapted to pictures without labels by a source-free or test-time method.

    `Model.verdict` of the copy says whether it works as far as can be told, beside the model before; a collapsed one is warned of.

    A method that streams goes over the pictures once; `dazoo.stream` gives the answers that it gives meanwhile. The pictures are augmented
    as the model's were, unless the method or the settings say otherwise.

    Args:
        model: a model, or what `dazoo.load` takes.
        target: a folder of pictures, a table of files, a data set, or the pictures themselves (whatever `Model.predict` takes).
        method: name of a method that adapts trained models ("dazoo list methods" tells).
        out: folder to save the adapted model in.
        seed, device, settings, quiet: see `dazoo.train`.
        listeners: `loggers` and `callbacks` that are told of the run, as `dazoo.train` takes them.

    Raises:
        SettingsError: the method needs labelled source pictures, or the model answers with heads that it would not adapt.
        DataError, PictureError: pictures that are missing or cannot be read.
        UnknownName: no installed plugin brings the augmentation that the model was trained with.
    """
    seed, plugins = checked_seed(seed), zoo()
    told_too = build_loggers(plugins, **listeners)
    before = resolve_model(model)
    check_adapts(plugins, before, method)
    where = choose_device(device)
    if out is not None:
        check_place(out)
    images = loose_pictures(before, target)
    run, arguments = settings_of_method(settings)
    adapting = build_method(plugins, before, method, arguments, target_count=len(images))
    known = {**before.config.get("settings", {}), "size": before.size, "batch": min(64, max(2, len(images)))}
    base = Settings.layered({k: v for k, v in known.items() if k in ("size", "batch", "augment", "precision")})
    recipe = replace(Recipe(**before.config["recipe"]), method=method)
    data = TrainingData(None, None, images, images)
    made = stage_settings(base, adapting, run)
    setup = Setup(str(recipe), adapting, None, data, made, seed=seed, augmentation=_views(plugins, before, made.augment))
    observer = Observer(images, None, validators_of(plugins, None, quiet=True), where, made.precision)
    judge = Judge(observer, before.classes, before.config.get("source_counts", ()), observer.look(adapting), made.validator)
    with told(told_too, quiet) as loggers:
        loggers.begin(Running(f"{before.name}, {method}", seed, stages=("adapt",)))
        result = adapt_trained(setup, Site(where, loggers=loggers))
        judgement = judge(result.method)
        adapted = _adapted(before, result, recipe, describe(result, recipe, arguments, None, seed))
        adapted.config["results"] |= judgement.to_json()
        if out is not None:
            save(adapted, out)
        loggers.end(Ending("finished", adapted.config["results"], judgement.verdict.sentence))
    warn(adapted.name, judgement.verdict)
    return adapted


def _adapted(before: Model, result: Result, recipe: Recipe, described: Mapping[str, Any]) -> Model:
    """The model that an adaptation gives. Its GAN is no part of it any more, and its features are others than those that were calibrated."""
    config = {**before.config, **described, "recipe": asdict(replace(recipe, gan=None)), "name": f"{before.name}.{recipe.method}"}
    for key in ("backbone_settings", "source_counts"):
        config[key] = before.config.get(key, config[key])
    for key in ("gan_settings", "bridge_settings", "calibration"):
        config.pop(key, None)
    return Model(result.method.problem.backbone, config).eval()


def check_adapts(plugins: Plugins, model: Model, method: str) -> None:
    """See that a method can adapt a trained model.

    Raises:
        SettingsError: it needs labelled source pictures, or the model answers with heads of its own.
    """
    if not plugins.methods.resolve(method).adapts_trained:
        fit = [m for m in plugins.methods.names() if plugins.methods.resolve(m).adapts_trained]
        raise SettingsError(
            f"{method!r} needs labelled source pictures: use dazoo.train. Methods that adapt a trained model: {', '.join(fit)}."
        )
    if model.method is not None:
        raise SettingsError(
            f"{model.name} answers with the heads of its method {model.recipe['method']!r}, and {method!r} adapts a backbone with its own "
            "head; take a model that was trained by another method."
        )


def settings_of_method(settings: Mapping[str, Any] | None) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """`split_settings` where the network is there already: its sides and the other parts' arguments cannot be chosen any more.

    Raises:
        SettingsError: one of those.
    """
    run, arguments = split_settings(settings or {})
    fixed = [key for key in run if key in ("size", "channels")]
    fixed += [f"{part}.{key}" for part in PARTS if part != "method" for key in arguments[part]]
    if fixed:
        raise SettingsError(f"{fixed[0]} is set, but the model is trained already; expected settings of the adaptation or of 'method'.")
    return run, arguments


def build_method(
    plugins: Plugins, model: Model, method: str, arguments: Mapping[str, Mapping[str, Any]], *, target_count: int = 1
) -> Method:
    """A method for a copy of a trained model's backbone."""
    problem = replace(problem_of(deepcopy(cast("Backbone", unwrapped(model.backbone))), model.config), target_count=target_count)
    built: Method = plugins.methods.build(method, problem, **arguments.get("method", {}))
    return built


def _views(plugins: Plugins, model: Model, name: str) -> Augmentation:
    """The augmentation of a name. Without the model's own another result would come out, so a missing one is not left out in silence."""
    try:
        plugins.augmentations.get(name)
    except UnknownName as exc:
        if name != model.config.get("settings", {}).get("augment"):
            raise
        raise UnknownName(
            f"{exc} {model.name} was trained with it: install the plugin that brings it, or choose another one (--set augment=none)."
        ) from exc
    return plugins.augmentations.build(name)


def loose_pictures(model: Model, target: Any) -> ImageSet:
    """Pictures without labels, as the model takes them: a folder, a table, a data set, or whatever `Model.predict` takes.

    Raises:
        DataError, PictureError: pictures that are missing or cannot be read.
    """
    if isinstance(target, ImageSet):
        return target.unlabelled()
    given = not isinstance(target, list | tuple) and (isinstance(target, str | os.PathLike) or is_items(target))
    if given and (listing := opened(target)) is not None:
        return target_sets(listing, model.classes, model.size, model.channels, use=False)[0]
    if isinstance(target, str | os.PathLike):
        place = expanded(target)
        if place.is_dir():
            return read_loose(place, size=model.size, channels=model.channels, classes=model.classes)
        if not place.exists():
            raise DataError(f"{place} does not exist; name a folder of pictures, or a picture file.")
    pixels = model.preprocess(target).add(1).mul(127.5).round().clamp(0, 255).byte()  # (N, C, H, W)
    return ImageSet("the given pictures", pixels.permute(0, 2, 3, 1).contiguous().numpy(), None, model.classes)
