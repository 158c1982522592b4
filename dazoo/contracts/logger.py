"""Who is told of a run while it trains: a logger, which may write to a service, draw, or decide nothing at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Running:
    """A run that begins, or goes on where it was.

    Attributes:
        name: of the recipe. seed: of the run.
        identity: what tells the run from others, as `run.json` has it: settings, arguments of the parts, digest of the pictures, versions.
        stages: names of the stages in their order: "train"; "source" and "adapt" for a method that adapts a trained model;
            "source_only" for training without adaptation, to compare.
        folder: where the run is kept, or None.
        id: the same for a run that goes on in its folder, and no other's.
    """

    name: str
    seed: int
    identity: Mapping[str, Any] = field(default_factory=dict)
    stages: tuple[str, ...] = ("train",)
    folder: Path | None = None
    id: str = ""


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    Attributes:
        name: see `Running.stages`. number: from 1. of: how many stages the run has.
        epochs, steps: of the whole stage. done: steps that an interrupted run made before.
        chooses: the validator whose score chooses an epoch; empty where none can (a stage without source pictures).
        pictures: read in a step.
    """

    name: str
    number: int
    of: int
    epochs: int
    steps: int
    done: int = 0
    chooses: str = ""
    pictures: int = 0


@dataclass(frozen=True)
class Moment:
    """Where a stage stands.

    Attributes:
        stage: which. step: steps done. epoch: epochs that have ended.
        seconds: since the stage began or went on. left: seconds that it will probably still take, or None before that can be told.
        chosen: the epoch, from 1, that the validator has chosen so far; 0 before the first has ended.
    """

    stage: Stage
    step: int
    epoch: int
    seconds: float
    left: float | None = None
    chosen: int = 0


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Attributes:
        state: "finished", "stopped" (a signal, Ctrl-C; the same command continues) or "failed".
        results: numbers of a finished run, as the model's config has them ("last" is the accuracy on the target, where it can be counted).
        message: what went wrong, or the verdict on a finished run.
    """

    state: str
    results: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""


class Logger:
    """Is told of a run. Each event does nothing unless it is overridden.

    The first of several processes tells it, on the thread that trains, so it should be quick. One that raises is reported and left out from
    then on; the run goes on. It never sees a label of the target, nor anything that it could change the run by.

    The constructor takes settings (`--log-set NAME.KEY=VALUE`), and raises SettingsError where a package is missing: loggers are built
    before any picture is read.
    """

    def begin(self, run: Running) -> None:
        """The pictures are read; training begins or goes on."""

    def stage(self, stage: Stage) -> None:
        """A stage begins or goes on. A stage that was finished before an interruption begins and has no further event."""

    def step(self, at: Moment, terms: Mapping[str, float]) -> None:
        """Loss terms by name, read after a step: after each one on a CPU, now and then on an accelerator."""

    def epoch(self, at: Moment, scores: Mapping[str, float], terms: Mapping[str, float]) -> None:
        """An epoch has ended: label-free scores by validator, and the last loss terms."""

    def picture(self, name: str, file: Path) -> None:
        """A picture (PNG) of the finished run, such as "curves"."""

    def end(self, ending: Ending) -> None:
        """Nothing follows; close what is open."""
