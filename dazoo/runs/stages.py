"""From a plan and its images to a trained network: the parts built by name, and the one or two stages of a run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from dazoo.contracts import Backbone
from dazoo.contracts import Bridge
from dazoo.contracts import Domains
from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.contracts import Validator
from dazoo.engine.average import answering
from dazoo.engine.observe import History
from dazoo.engine.observe import TrainingData
from dazoo.engine.settings import Settings
from dazoo.engine.setup import Setup
from dazoo.engine.setup import Site
from dazoo.engine.stream import answer
from dazoo.engine.trainer import Trainer
from dazoo.errors import DazooError
from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.models.bridging import build_bridge
from dazoo.registry.plugins import Plugins
from dazoo.runs.judging import snapshot
from dazoo.runs.plan import Plan
from dazoo.runs.second import stage_settings


@dataclass(frozen=True)
class Result:
    """A finished run.

    Attributes:
        method: the method with its networks at their last weights (the average's, where the run kept one), in eval mode.
        chosen: weights that the validator chose, without target labels (see `Trainer.chosen`); empty where nothing could choose.
        best: weights of the best epoch by target labels, an upper bound; empty unless they were asked for.
        bridge: the trained bridge of the GAN, or None.
        settings: of the last stage. history: what was seen in it.
        first_stage: history of the source stage of a method that adapts a trained model, or None. first_weights: of its end, by
            "<module>/<key>".
        seconds: wall time of training, over all stages and interruptions. images: pictures read meanwhile.
    """

    method: Method
    chosen: Mapping[str, Tensor]
    bridge: Bridge | None
    settings: Settings
    history: History
    first_stage: History | None
    seconds: float
    images: int
    best: Mapping[str, Tensor] = field(default_factory=dict)
    first_weights: Mapping[str, Tensor] = field(default_factory=dict)


def train_plan(plan: Plan, domains: Domains, plugins: Plugins, site: Site, *, best: bool = False) -> Result:
    """Train what was planned from the start, or continue it from the checkpoints under `site.folder`.

    Target labels are dropped here, before anything trains. With `best` they count the right answers of each epoch, so that the weights of
    the best one are kept as an upper bound; nothing that learns or chooses sees them.

    Raises:
        SettingsError, PluginError, TrainingError, Interrupted: see `Trainer`.
    """
    data = TrainingData(domains.source_train, domains.source_test, domains.target_train.unlabelled(), domains.target_test.unlabelled())
    torch.manual_seed(plan.seed)
    problem = _problem(plan, domains, plugins)
    title = str(plan.recipe)
    bridge, method = build_components(plan, problem, plugins)
    views = plugins.augmentations.build(plan.settings.augment)
    count = _counter(domains.target_test.labels) if best else None
    validators = validators_of(plugins, plan.settings.validator)
    which = "train" if plan.recipe.gan or plan.recipe.method else "source_only"
    setup = Setup(title, method, bridge, data, plan.settings, validators, plan.seed, views, stage=which, count=count)
    if not method.adapts_trained:
        return _trained(setup, site)
    source = replace(setup, title=f"{title} (source stage)", method=Method(problem), stage="source", count=None)
    first = _trained(source, replace(site, folder=site.folder / "source" if site.folder else None))
    _, method = build_components(replace(plan, recipe=replace(plan.recipe, gan=None)), problem, plugins)
    own = stage_settings(plan.settings, method, plan.second)
    views = plugins.augmentations.build(own.augment)
    stage = replace(setup, method=method, bridge=None, settings=own, augmentation=views, data=replace(data, source_train=None))
    return adapt_trained(stage, site, first)


def adapt_trained(setup: Setup, site: Site, first: Result | None = None) -> Result:
    """The stage of a source-free or test-time method: the backbone is trained already, and the source is not read.

    Args:
        first: the source stage before it, if there was one.
    """
    setup = replace(setup, trained=True, stage="adapt")
    before = snapshot(first.method) if first is not None else {}
    result = _streamed(setup, site) if setup.method.streams else _trained(setup, site)
    if first is None:
        return result
    seconds, images = first.seconds + result.seconds, first.images + result.images
    return replace(result, bridge=first.bridge, first_stage=first.history, first_weights=before, seconds=seconds, images=images)


def _trained(setup: Setup, site: Site) -> Result:
    trainer = Trainer(setup, site)
    history = trainer.run()
    _take_over(setup.method, trainer.updates.best)
    if trainer.updates.drawing is not None:
        trainer.updates.drawing.swap()  # the averaged generators are the ones that are kept
    images = trainer.number * trainer.per_step
    return Result(setup.method, trainer.chosen, setup.bridge, setup.settings, history, None, trainer.seconds, images, trainer.best)


def _streamed(setup: Setup, site: Site) -> Result:
    stream, logits, seconds = answer(setup, site)
    _take_over(setup.method, stream.updates.best)
    history = History([logits.argmax(1).to(torch.int32)], [{}], [{}])
    return Result(setup.method, {}, None, setup.settings, history, None, seconds, len(logits))


def _take_over(method: Method, best: Method) -> None:
    """Give a method's networks the weights of the best ones, in eval mode."""
    found = answering(best)
    for name, module in answering(method).items():
        module.load_state_dict(found[name].state_dict())
        module.eval().requires_grad_(True)


def _problem(plan: Plan, domains: Domains, plugins: Plugins) -> Problem:
    train = domains.source_train
    arguments = plan.arguments.get("backbone", {})
    backbone = plugins.backbones.build(plan.recipe.backbone, num_classes=len(train.classes), in_channels=train.channels, **arguments)
    check_size(plan, backbone)
    return Problem(
        backbone,
        num_classes=len(train.classes),
        channels=train.channels,
        size=plan.settings.size,
        source_counts=train.counts,
        target_count=len(domains.target_train),
        label_smoothing=plan.settings.label_smoothing,
    )


def check_size(plan: Plan, backbone: Backbone) -> None:
    """Refuse pictures that are smaller than the backbone takes.

    Raises:
        SettingsError: they are.
    """
    if plan.settings.size < backbone.min_size:
        raise SettingsError(
            f"size is {plan.settings.size}, but the backbone {plan.recipe.backbone!r} takes pictures of at least {backbone.min_size} pixels "
            f"per side; --set size={backbone.min_size}."
        )


def build_components(plan: Plan, problem: Problem, plugins: Plugins) -> tuple[Bridge | None, Method]:
    """The bridge of the recipe's GAN, if it has one, and its method."""
    torch.manual_seed(plan.seed + 1)  # apart from the backbone's, so that every recipe of a seed starts from the same backbone
    bridge = build_bridge(plugins, plan.recipe.gan, problem, plan.arguments) if plan.recipe.gan else None
    if plan.recipe.method is None:
        return bridge, Method(problem)
    return bridge, plugins.methods.build(plan.recipe.method, problem, **plan.arguments.get("method", {}))


def validators_of(plugins: Plugins, chooses: str | None, *, quiet: bool = False) -> dict[str, Validator]:
    """Every installed validator; one that cannot be built is left out with a warning, unless it is the one that chooses."""
    found = {}
    for name in plugins.validators.names():
        try:
            found[name] = plugins.validators.build(name)
        except Exception as exc:  # a stranger's constructor
            why = str(exc) if isinstance(exc, DazooError) else f"{type(exc).__name__}: {exc}"
            who = f"The {plugins.validators.get(name).called}"
            if name == chooses:
                raise PluginError(f"{who} cannot be built: {why} Choose another one with --set validator=NAME.") from exc
            if not quiet:
                warnings.warn(f"{who} is left out: {why}", stacklevel=2)
    return found


def _counter(labels: np.ndarray | None) -> Callable[[Tensor], float] | None:
    """From predictions (N,) to how many are right, where there are labels to count with."""
    if labels is None:
        return None
    return lambda predictions: float((predictions.numpy() == labels).sum())
