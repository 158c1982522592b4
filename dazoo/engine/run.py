"""From a recipe and its pictures to a trained network: settings, construction, and the one or two stages of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dazoo.bridges import bridge_for
from dazoo.bridges import build_bridge
from dazoo.contracts import Backbone
from dazoo.contracts import Bridge
from dazoo.contracts import Domains
from dazoo.contracts import Method
from dazoo.contracts import Problem
from dazoo.engine.history import History
from dazoo.engine.history import TrainingData
from dazoo.engine.peers import ALONE
from dazoo.engine.peers import Peers
from dazoo.engine.settings import Settings
from dazoo.engine.trainer import Trainer
from dazoo.errors import SettingsError
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import Plugins


GROUPS = ("backbone", "gan", "bridge", "method")


@dataclass(frozen=True)
class Options:
    """Settings by whom they are for; built from flat ones such as {"lr": 0.01, "method.weight": 0.3} by `parse`.

    Attributes:
        run: fields of `Settings`.
        parts: keyword arguments of the backbone, the GAN, the bridge and the method, by that word.
    """

    run: Mapping[str, Any]
    parts: Mapping[str, Mapping[str, Any]]

    @classmethod
    def parse(cls, flat: Mapping[str, Any]) -> Options:
        """Split "group.name" keys.

        Raises:
            SettingsError: an unknown group.
        """
        run: dict[str, Any] = {}
        parts: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
        for key, value in flat.items():
            group, dot, name = key.partition(".")
            if not dot:
                run[key] = value
            elif group in parts:
                parts[group][name] = value
            else:
                raise SettingsError(f"Setting {key!r} is for {group!r}; expected one of {', '.join(GROUPS)} before the dot.")
        return cls(run, parts)


@dataclass(frozen=True)
class Result:
    """A finished run.

    Attributes:
        backbone: the network with its last weights (the average's, where the run kept one), in eval mode.
        chosen: state of the checkpoint that the validator chose, without target labels.
        bridge: the trained bridge of the GAN, or None.
        problem: what was solved. settings: how. history: what was seen.
        first_stage: history of the source stage of a method that adapts a trained model, or None.
        seconds: wall time of training, over all stages and interruptions. images: pictures read meanwhile.
    """

    backbone: Backbone
    chosen: Mapping[str, Tensor]
    bridge: Bridge | None
    problem: Problem
    settings: Settings
    history: History
    first_stage: History | None
    seconds: float
    images: int


def train_recipe(
    zoo: Plugins,
    recipe: Recipe,
    domains: Domains,
    settings: Settings,
    parts: Mapping[str, Mapping[str, Any]],
    *,
    seed: int,
    device: torch.device,
    folder: Path | None = None,
    quiet: bool = False,
    peers: Peers = ALONE,
) -> Result:
    """Train a recipe from the start, or continue it from the checkpoints under `folder`.

    Args:
        zoo: where names are looked up.
        domains: both sides; target labels are dropped here, before anything trains.
        parts: keyword arguments by part (see `Options`).
        peers: the processes that train it together (see `dazoo.engine.peers.joined`).

    Raises:
        SettingsError, PluginError, TrainingError, Interrupted: see `Trainer`.
    """
    data = TrainingData(domains.source_train, domains.source_test, domains.target_train.unlabelled(), domains.target_test.unlabelled())
    torch.manual_seed(seed)
    backbone = zoo.backbones.build(
        recipe.backbone, num_classes=len(domains.source_train.classes), in_channels=data.source_train.channels, **parts["backbone"]
    )
    problem = Problem(
        backbone,
        num_classes=len(domains.source_train.classes),
        channels=domains.source_train.channels,
        size=settings.size,
        source_counts=domains.source_train.counts,
        target_count=len(domains.target_train),
        label_smoothing=settings.label_smoothing,
    )
    validators = {n: zoo.validators.build(n) for n in zoo.validators.names()}
    common = {"validators": validators, "seed": seed, "device": device, "quiet": quiet, "peers": peers}
    method, bridge = _components(zoo, recipe, problem, parts, seed)
    title = str(recipe)
    if not method.adapts_trained:
        trainer = Trainer(title, problem, method, bridge, data, settings, folder=folder, **common)
        return _result(trainer, bridge, problem, settings, trainer.run())
    first_folder = folder / "source" if folder else None
    first = Trainer(f"{title} (source stage)", problem, Method(problem), bridge, data, settings, folder=first_folder, **common)
    first.run()
    backbone.load_state_dict(first.evaluated.state_dict())
    return adapt_trained(zoo, recipe, problem, data, settings, parts, first=first, folder=folder, **common)


def adapt_trained(
    zoo: Plugins,
    recipe: Recipe,
    problem: Problem,
    data: TrainingData,
    settings: Settings,
    parts: Mapping[str, Mapping[str, Any]],
    *,
    seed: int,
    device: torch.device,
    validators: Mapping[str, Any],
    folder: Path | None = None,
    quiet: bool = False,
    peers: Peers = ALONE,
    overrides: Mapping[str, Any] | None = None,
    first: Trainer | None = None,
) -> Result:
    """The stage of a source-free or test-time method: `problem.backbone` is trained already, the source is not read.

    Its own defaults come first here, since the run's settings described how to train from the start. `first` is the source stage.
    """
    method, _ = _components(zoo, replace(recipe, gan=None), problem, parts, seed)
    own = Settings.layered({**asdict(settings), "ema": 0.0, "steps_per_epoch": 0, **method.defaults, **(overrides or {})})
    trainer = Trainer(
        str(recipe), problem, method, None, replace(data, source_train=None), own,
        seed=seed, device=device, validators=validators, folder=folder, quiet=quiet, peers=peers,
    )  # fmt: skip
    return _result(trainer, None, problem, own, trainer.run(), first)


def component_defaults(zoo: Plugins, recipe: Recipe) -> dict[str, Any]:
    """Run settings that the recipe's GAN bridge and method want unless the user says otherwise; the method's come last."""
    bridge = dict(bridge_for(zoo, recipe.gan).defaults) if recipe.gan else {}
    method = zoo.methods.resolve(recipe.method) if recipe.method else None
    return bridge if method is None or method.adapts_trained else {**bridge, **method.defaults}


def _components(
    zoo: Plugins, recipe: Recipe, problem: Problem, parts: Mapping[str, Mapping[str, Any]], seed: int
) -> tuple[Method, Bridge | None]:
    torch.manual_seed(seed + 1)  # apart from the backbone's, so that every recipe of a seed starts from the same backbone
    bridge = build_bridge(zoo, recipe.gan, problem, parts["gan"], parts["bridge"]) if recipe.gan else None
    if recipe.method is None:
        return Method(problem), bridge
    return zoo.methods.build(recipe.method, problem, **parts["method"]), bridge


def _result(
    trainer: Trainer, bridge: Bridge | None, problem: Problem, settings: Settings, history: History, first: Trainer | None = None
) -> Result:
    problem.backbone.load_state_dict(trainer.evaluated.state_dict())
    backbone = problem.backbone.eval().requires_grad_(True)
    stages = [first, trainer] if first else [trainer]
    seconds, images = sum(t.seconds for t in stages), sum(t.number * t.per_step for t in stages)
    return Result(backbone, trainer.chosen, bridge, problem, settings, history, first and first.history, seconds, images)
