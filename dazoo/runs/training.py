"""Train: from names and pictures to a model with its numbers, in a folder that can be resumed and loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextlib import nullcontext
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import cached_property
from functools import partial
from pathlib import Path
from typing import Any
from typing import Unpack

import numpy as np
import torch

from dazoo.contracts import Domains
from dazoo.contracts import Ending
from dazoo.contracts import Logger
from dazoo.contracts import Running
from dazoo.contracts import Method
from dazoo.engine.device import choose_device
from dazoo.engine.loggers import Loggers
from dazoo.engine.observe import History
from dazoo.engine.peers import joined
from dazoo.engine.setup import Site
from dazoo.errors import TrainingError
from dazoo.metrics.four_numbers import FourNumbers
from dazoo.metrics.four_numbers import four_numbers
from dazoo.metrics.trend import churn
from dazoo.metrics.trend import task_losses
from dazoo.metrics.verdict import Verdict
from dazoo.models.heads import answers_itself
from dazoo.models.model import Model
from dazoo.models.provenance import versions
from dazoo.plain import expanded
from dazoo.plain import write_whole
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo
from dazoo.runs.curves import keep
from dazoo.runs.finishing import finished
from dazoo.runs.folder import claimed
from dazoo.runs.folder import note
from dazoo.runs.judging import Judge
from dazoo.runs.judging import Judgement
from dazoo.runs.judging import Observer
from dazoo.runs.judging import Plain
from dazoo.runs.judging import warn
from dazoo.runs.kept import Kept
from dazoo.runs.kept import selecting
from dazoo.runs.plan import Plan
from dazoo.runs.plan import digest_of_domains
from dazoo.runs.plan import make_plan
from dazoo.runs.rehearsing import rehearse
from dazoo.runs.stages import Result
from dazoo.runs.stages import train_plan
from dazoo.runs.stages import validators_of
from dazoo.runs.telling import Extras
from dazoo.runs.telling import run_id
from dazoo.runs.telling import split_extras
from dazoo.runs.telling import stages_of
from dazoo.runs.telling import told
from dazoo.streams import tell


@dataclass(frozen=True)
class Trained:
    """What a training run gives.

    Attributes:
        model: with the weights that were selected, the last ones unless `select` said otherwise, in eval mode.
        numbers: the four numbers on the target, or None when the target has no labels to count with.
        history: label-free scores and loss terms by epoch.
        judgement: whether it works as far as can be told without target labels, and what that was seen from; None where `first` is False.
        folder: where it is saved (`dazoo.load(folder)`), or None.
        first: False in those processes of several that train one model together which leave writing and speaking to the first.
    """

    model: Model
    numbers: FourNumbers | None
    history: History
    folder: Path | None
    first: bool = True
    judgement: Judgement | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether the model works as far as can be told without target labels, and what to try next.

        Raises:
            TrainingError: asked in a process that left the judging to the first one.
        """
        if self.judgement is None:
            raise TrainingError("The first process judges the model; ask it there (`Trained.first`).")
        return self.judgement.verdict


def train(
    name: str,
    *,
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    settings: Mapping[str, Any] | None = None,
    source_only: bool = True,
    quiet: bool = False,
    download: bool = False,
    **extras: Unpack[Extras],
) -> Trained:
    """Train a recipe, or continue one that was interrupted.

    Started by torchrun, the processes train one model together, each with its share of every batch (see `dazoo.engine.peers`).

    Args:
        name: such as "fcn-dann-gtsrb2india", or without a scenario ("fcn-dann") for pictures of one's own; then the backbone may be left out
            too ("dann", "dcgan-dann"), and the best start that is at hand is taken, pretrained weights where there are any.
        out: folder for the model, the numbers and the checkpoints; the same call continues what is there. None keeps nothing.
        seed: fixes everything on a CPU; 0 to 2**63 - 1, so `time.time_ns()` is one.
        device: "auto", "cpu", "cuda" or "cuda:N"; also "mps" or "xpu" where torch has one.
        settings: fields of `dazoo.engine.settings.Settings` ({"lr": 1e-3}), and constructor arguments of the parts
            ({"method.weight": 0.3, "gan.width": 16, "bridge.share": 0.5, "backbone.width": 24}). Where the method adapts a trained model,
            run settings are those of the source stage, and "adapt.lr" is that of the adaptation.
        source_only: also train the recipe's source-only twin (same settings and seed). Without it nothing tells whether adaptation helped:
            it is the first of the four numbers, and what the label-free scores of the verdict are compared with. It takes up to as long
            again; a recipe that does not adapt, or whose first stage is plain training, needs none.
        quiet: show no progress.
        download: let data sets fetch what is missing.
        extras: `loggers` and `callbacks` that are told of the run, `select` (which weights are kept; see `Extras`), and where pictures
            come from. `source`: folder with one folder of pictures for each class, and `target`: folder of pictures without labels (one
            folder per class gives labels for evaluation alone); both or neither, and each may be a table of files (.csv, .tsv, .txt) or a
            map-style data set (`torch.utils.data.Dataset`, `datasets.Dataset`) instead; see docs/own-pictures.md. `data`: folder of the
            data sets of a scenario, variable DAZOO_DATA unless given. `target_labelled`: False uses the target's pictures without labels,
            whatever its folders are called; True takes its folders for classes.

    Raises:
        InvalidName, UnknownName, AmbiguousName, SettingsError, DataError, TrainingError, Interrupted.
    """
    plugins = zoo()
    loggers, pictures = split_extras(plugins, extras)
    select = extras.get("select", "last")
    settings = selecting(plugins, select, settings)
    folder = expanded(out) if out is not None else None
    plan = make_plan(plugins, name, seed=seed, settings=settings, folder=folder, **pictures)
    rehearse(plan, plugins)
    for remark in plan.remarks:
        tell(remark) if not quiet else None
    where = choose_device(device)
    kept = "last" if select == "last" else "chosen"
    run = Run(plan, plan.load(plugins, download), plugins, where, folder, quiet, loggers, select=kept)
    trained = run.train(source_only=source_only)
    if trained.first:
        warn(trained.model.name, trained.verdict)
    return trained


@dataclass(frozen=True)
class Run:
    """A plan with its images and a place: everything that training needs, in one object.

    Attributes:
        plan: what to train. domains: the images. plugins: where names are looked up.
        device: where to compute. folder: for the model, the numbers and the checkpoints, or None.
        quiet: show no progress. loggers: who else is told, by what messages call them.
        select: "last" or "chosen", the weights that `model` holds. keep: also keep the others (see `dazoo.runs.kept`).
    """

    plan: Plan
    domains: Domains
    plugins: Plugins
    device: torch.device
    folder: Path | None = None
    quiet: bool = False
    loggers: Mapping[str, Logger] = field(default_factory=dict)
    select: str = "last"
    keep: bool = True

    def train(self, *, source_only: bool = True, curves: bool = True) -> Trained:
        """Train what was planned, or continue it; see `dazoo.train`. `curves`: also write the table and the picture of its epochs."""
        with (
            joined(self.device) as peers,
            self._claimed() if peers.first else nullcontext(),
            told(self.loggers, self.quiet) if peers.first else Loggers() as loggers,
        ):
            if peers.first:
                loggers.begin(self._running(source_only))
            site = Site(self.device, self._below("checkpoints"), loggers, peers)
            result = train_plan(self.plan, self.domains, self.plugins, site, best=self.keep and self.folder is not None)
            plain = self._plain(result, site) if source_only else self._known(result)
            numbers = self._numbers(result, plain)
            if not peers.first:
                return Trained(self._model(result, numbers, {}), numbers, result.history, self._below("model"), first=False)
            kept = Kept(result, plain, partial(self._model, result, numbers), self._judge(result, plain), self._finished)
            model, judgement = kept.finish(self.select, self.folder, others=self.keep)
            if self.folder is not None:
                history = {"scores": result.history.scores, "terms": result.history.terms}
                write_whole(self.folder / "history.json", json.dumps(history, indent=1))
                drawn = keep(self.folder, f"{self.plan.recipe}, seed {self.plan.seed}", loggers.seen) if curves else None
                if drawn is not None:
                    loggers.picture("curves", drawn)
                note(self.folder, verdict=judgement.verdict.to_json())
            loggers.end(Ending("finished", model.config["results"], judgement.verdict.sentence))
            return Trained(model, numbers, result.history, self._below("model"), judgement=judgement)

    def _claimed(self) -> AbstractContextManager[None]:
        """The folder as this run's alone, where there is one."""
        if self.folder is None:
            return nullcontext()
        return claimed(self.folder, self._identity)

    @cached_property
    def _identity(self) -> dict[str, Any]:
        """Made once: it hashes every picture."""
        return self.plan.identity(self.plugins, digest_of_domains(self.domains))

    def _running(self, source_only: bool) -> Running:
        """What loggers are told when the run begins."""
        twin = source_only and self.plan.adapts(self.plugins)
        if twin and self.plan.recipe.gan is None:  # the first of two stages is plain training
            twin = len(stages_of(self.plan, self.plugins, False)) == 1
        stages = stages_of(self.plan, self.plugins, twin)
        run = Running(str(self.plan.recipe), self.plan.seed, stages=stages, folder=self.folder)
        return replace(run, identity=self._identity, id=run_id(self.folder)) if self.loggers else run

    def _below(self, name: str) -> Path | None:
        return self.folder / name if self.folder is not None else None

    def _numbers(self, result: Result, plain: Plain | None) -> FourNumbers | None:
        labels = self.domains.target_test.labels
        if labels is None:
            return None
        alone = None if plain is None else float((plain.history.predictions[-1].numpy() == labels).mean())
        return count(result.history, labels, self.plan.settings.validator, alone)

    def _known(self, result: Result) -> Plain | None:
        """What this run holds of plain training on the source: all, or the first of two stages unless a GAN helped there; or None."""
        if not self.plan.adapts(self.plugins):
            return Plain(result.history, result.method)
        if result.first_stage is None or self.plan.recipe.gan is not None:
            return None
        return Plain(result.first_stage, Method(result.method.problem), result.first_weights)

    def _plain(self, result: Result, site: Site) -> Plain:
        """The same, or training of the same network with the same settings on the source alone."""
        known = self._known(result)
        if known is not None:
            return known
        twin = replace(self.plan, recipe=replace(self.plan.recipe, gan=None, method=None))
        trained = train_plan(twin, self.domains, self.plugins, replace(site, folder=self._below("source_only")))
        return Plain(trained.history, trained.method)

    def _judge(self, result: Result, plain: Plain | None) -> Judge:
        chooses = self.plan.settings.validator
        observer = Observer(
            self.domains.target_test,
            self.domains.source_test,
            validators_of(self.plugins, chooses, quiet=True),
            self.device,
            result.settings.precision,
        )
        other = plain is not None and (plain.method is not result.method or plain.weights)  # a recipe that does not adapt is its own twin
        beside = observer.look(plain.method, plain.weights) if plain is not None and other else None
        terms, moved = (result.first_stage or result.history).terms, churn([p.numpy() for p in result.history.predictions])
        train = self.domains.source_train
        return Judge(observer, train.classes, train.counts, beside, chooses, task_losses(terms), moved)

    def _model(self, result: Result, numbers: FourNumbers | None, found: Mapping[str, Any]) -> Model:
        train = self.domains.source_train
        config = {
            "recipe": asdict(self.plan.recipe),
            "classes": list(train.classes),
            "channels": train.channels,
            "size": self.plan.settings.size,
            **({"crop": True} if self.plan.settings.crop else {}),
            **({"asked": dict(self.plan.asked)} if self.plan.asked else {}),
            **describe(result, self.plan.recipe, self.plan.identified(self.plugins), numbers, self.plan.seed),
        }
        config["results"] |= found
        method = answers_itself(result.method)
        return Model(result.method.problem.backbone, config, method=method, bridge=result.bridge).eval()

    def _finished(self, model: Model) -> Model:
        return finished(model, self.domains, own=self.plan.recipe.scenario is None)


def count(history: History, labels: np.ndarray, validator: str, source_only: float | None) -> FourNumbers:
    """The four numbers of a finished run; here, after training, target labels are read for the first time.

    Where nothing could choose (a stream has one epoch and no score), the chosen epoch is the last, and the validator is called "last".
    """
    predictions = np.stack([p.numpy() for p in history.predictions])
    names = history.scores[0] if history.scores and history.scores[0] else {"last": 0.0}
    scores = {n: [s.get(n, float(i)) for i, s in enumerate(history.scores)] for n in names}
    return four_numbers(predictions, labels, scores, validator if validator in scores else "last", source_only)


def describe(
    result: Result, recipe: Recipe, arguments: Mapping[str, Mapping[str, Any]], numbers: FourNumbers | None, seed: int
) -> dict[str, Any]:
    """What config.json says of a run beyond the model itself."""
    rate = round(result.images / max(result.seconds, 1e-9), 1)
    results = {"seed": seed, "seconds": round(result.seconds, 1), "images_per_second": rate}
    if numbers is not None:
        results |= json.loads(numbers.to_json())
    problem = result.method.problem
    return {
        **{f"{part}_settings": dict(arguments.get(part, {})) for part in ("backbone", "gan", "bridge", "method")},
        "settings": asdict(result.settings),
        "source_counts": list(problem.source_counts),
        "target_count": problem.target_count,
        "plugins": versions(asdict(recipe)),
        "results": results,
    }
