"""Train, adapt: from names and pictures to a model with its numbers, in a folder that can be resumed and loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dazoo.contracts import Domains
from dazoo.data.paths import expanded
from dazoo.engine.device import choose_device
from dazoo.engine.history import History
from dazoo.engine.peers import Peers
from dazoo.engine.peers import joined
from dazoo.engine.run import Options
from dazoo.engine.run import Result
from dazoo.engine.run import train_recipe
from dazoo.engine.seeds import checked_seed
from dazoo.errors import SettingsError
from dazoo.metrics.four_numbers import FourNumbers
from dazoo.metrics.four_numbers import four_numbers
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo
from dazoo.models.load import load
from dazoo.models.model import Model
from dazoo.runs.plan import Plan
from dazoo.runs.plan import digest_of_domains
from dazoo.runs.plan import make_plan
from dazoo.models.save import save
from dazoo.models.save import versions


@dataclass(frozen=True)
class Trained:
    """What a training run gives.

    Attributes:
        model: with its last weights, in eval mode.
        numbers: the four numbers on the target, or None when the target has no labels to count with.
        history: label-free scores and loss terms by epoch.
        folder: where it is saved (`dazoo.load(folder)`), or None.
        first: False in those processes of several that train one model together which leave writing and speaking to the first.
    """

    model: Model
    numbers: FourNumbers | None
    history: History
    folder: Path | None
    first: bool = True


def train(
    name: str,
    *,
    source: str | os.PathLike[str] | None = None,
    target: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    settings: Mapping[str, Any] | None = None,
    source_only: bool = True,
    download: bool = False,
    quiet: bool = False,
) -> Trained:
    """Train a recipe, or continue one that was interrupted.

    Started by torchrun, the processes train one model together, each with its share of every batch (see `dazoo.engine.peers`).

    Args:
        name: such as "fcn-dann-gtsrb2india", or without a scenario ("fcn-dann") for pictures of one's own.
        source: folder with a folder of pictures for each class. target: folder of pictures without labels (a folder a class
            gives labels for evaluation alone). Both or neither.
        data: folder of the data sets of a scenario; variable DAZOO_DATA unless given.
        out: folder for the model, the numbers and the checkpoints; the same call continues what is there. None keeps nothing.
        seed: fixes everything on a CPU; 0 to 2**63 - 1, so `time.time_ns()` is one.
        device: "auto", "cpu", "cuda" or "cuda:N"; also "mps" or "xpu" where torch has one.
        settings: fields of `dazoo.engine.settings.Settings` ({"lr": 1e-3}), and keyword arguments of the parts
            ({"method.weight": 0.3, "gan.width": 16, "bridge.noise": 32, "backbone.width": 24}).
        source_only: also train the recipe's source-only twin (same settings and seed), the first of the four numbers.
        download: let data sets fetch what is missing.
        quiet: no progress bar.

    Raises:
        InvalidName, UnknownName, AmbiguousName, SettingsError, DataError, TrainingError, Interrupted.
    """
    seed, plugins = checked_seed(seed), zoo()
    plan = make_plan(plugins, name, seed=seed, settings=settings, source=source, target=target, data=data)
    where = choose_device(device)
    domains = plan.load(plugins, download)
    return execute(plan, domains, out=out, device=where, source_only=source_only, quiet=quiet)


def execute(
    plan: Plan,
    domains: Domains,
    *,
    out: str | os.PathLike[str] | None = None,
    device: torch.device,
    source_only: bool = True,
    quiet: bool = False,
) -> Trained:
    """Train what was planned, or continue it; see `train`."""
    with joined(device) as peers:
        return _execute(plan, domains, expanded(out) if out is not None else None, device, source_only, quiet, peers)


def _execute(
    plan: Plan, domains: Domains, folder: Path | None, device: torch.device, source_only: bool, quiet: bool, peers: Peers
) -> Trained:
    plugins, recipe, run, options = zoo(), plan.recipe, plan.settings, plan.options
    if folder is not None and peers.first:
        _claim(folder, plan.identity(digest_of_domains(domains)))
    common = {"seed": plan.seed, "device": device, "quiet": quiet, "peers": peers}
    result = train_recipe(plugins, recipe, domains, run, options.parts, folder=folder and folder / "checkpoints", **common)
    alone = None
    labels = domains.target_test.labels
    if labels is not None:
        known = result.first_stage is not None or not plan.adapts(plugins)
        alone = _source_only(plugins, plan, domains, result, folder, common) if source_only or known else None
    numbers = None if labels is None else count(result.history, labels, run.validator, alone)
    config = describe(result, recipe, options, numbers, plan.seed)
    model = Model(
        result.backbone,
        recipe=asdict(recipe),
        classes=domains.source_train.classes,
        channels=result.problem.channels,
        size=run.size,
        config=config,
        bridge=result.bridge,
    ).eval()
    if folder is not None and peers.first:
        save(model, folder / "model")
        (folder / "history.json").write_text(json.dumps({"scores": result.history.scores, "terms": result.history.terms}, indent=1))
    return Trained(model, numbers, result.history, folder and folder / "model", peers.first)


def count(history: History, labels: np.ndarray, validator: str, source_only: float | None) -> FourNumbers:
    """The four numbers of a finished run; here, after training, target labels are read for the first time."""
    predictions = np.stack([p.numpy() for p in history.predictions])
    names = history.scores[0] if history.scores and history.scores[0] else {"last": 0.0}
    scores = {n: [s.get(n, float(i)) for i, s in enumerate(history.scores)] for n in names}
    return four_numbers(predictions, labels, scores, validator if validator in scores else "last", source_only)


def describe(result: Result, recipe: Recipe, options: Options, numbers: FourNumbers | None, seed: int) -> dict[str, Any]:
    """What config.json says of a run beyond the model itself."""
    rate = round(result.images / max(result.seconds, 1e-9), 1)
    results = {"seed": seed, "seconds": round(result.seconds, 1), "images_per_second": rate}
    if numbers is not None:
        results |= json.loads(numbers.to_json())
    return {
        "backbone_settings": dict(options.parts["backbone"]),
        "gan_settings": dict(options.parts["gan"]),
        "bridge_settings": dict(options.parts["bridge"]),
        "method_settings": dict(options.parts["method"]),
        "settings": asdict(result.settings),
        "source_counts": list(result.problem.source_counts),
        "target_count": result.problem.target_count,
        "plugins": versions(asdict(recipe)),
        "results": results,
    }


def _source_only(plugins: Plugins, plan: Plan, domains: Domains, result: Result, folder: Path | None, common: Mapping[str, Any]) -> float:
    """Target accuracy of the last epoch without adaptation: this run's own, its first stage's, or its twin's."""
    labels = domains.target_test.labels
    if result.first_stage is not None:
        history = result.first_stage
    elif not plan.adapts(plugins):
        history = result.history
    else:
        twin = replace(plan.recipe, gan=None, method=None)
        place = folder and folder / "source_only"
        history = train_recipe(plugins, twin, domains, plan.settings, plan.options.parts, folder=place, **common).history
    return float((history.predictions[-1].numpy() == labels).mean())


def _claim(folder: Path, identity: Mapping[str, Any]) -> None:
    """Make the folder this run's, or see that it is.

    Raises:
        SettingsError: it holds another run; the message names what differs.
    """
    file = folder / "run.json"
    identity = json.loads(json.dumps(identity))
    if file.exists():
        try:
            there = json.loads(file.read_text())
        except ValueError:
            raise SettingsError(f"{file} is not readable; remove the folder {folder}, or name another one with --out.") from None
        differs = [k for k in identity if there.get(k) != identity[k]]
        if differs:
            raise SettingsError(
                f"{folder} holds another run (different {', '.join(differs)}); name another folder with --out, or remove it."
            )
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise SettingsError(f"{folder} cannot be made ({exc.strerror}); name a folder that can be written with --out.") from exc
    if any(folder.iterdir()):
        raise SettingsError(f"{folder} holds something else than a run; name a new folder with --out, so that nothing is overwritten.")
    part = folder / ".run.json"
    part.write_text(json.dumps(identity, indent=1))
    os.replace(part, file)


def resolve_model(model: Model | str | os.PathLike[str], device: str = "cpu") -> Model:
    """A model as it is, or loaded by reference."""
    return model if isinstance(model, Model) else load(model, device=device)
