"""A logger that sends numbers by name and step, as every tracking service takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any
from typing import ClassVar

from dazoo.contracts import Ending
from dazoo.contracts import Logger
from dazoo.contracts import Moment
from dazoo.contracts import Running
from dazoo.contracts import Stage
from dazoo.errors import SettingsError


class Service(Logger):
    """Base of the loggers here: losses now and then, losses and scores after every epoch, results and pictures at the end.

    Numbers are called "<stage>/loss/<term>", "<stage>/score/<validator>" and "result/<name>".

    Args:
        seconds: least time between two reports of the losses; epochs are always reported.

    Raises:
        SettingsError: the service's package is not installed, or cannot be imported; or `seconds` is below 0.
    """

    package: ClassVar[str]
    extra: ClassVar[str]
    entrance: ClassVar[str]
    """What the package must have: a folder of the package's name in the working directory imports as well, and is empty."""

    def __init__(self, seconds: float = 1.0) -> None:
        if not isinstance(seconds, int | float) or not seconds >= 0:
            raise SettingsError(f"seconds is {seconds!r}; expected a number from 0 up.")
        self.seconds = seconds
        self._stage: Stage | None = None
        self._sent = -seconds
        try:
            self.library: Any = import_module(self.package)
            getattr(self.library, self.entrance)
        except Exception as exc:
            raise SettingsError(
                f"The logger {self.extra!r} needs the package {self.package} ({type(exc).__name__}: {exc}); "
                f"install it with: pip install 'dazoo-loggers[{self.extra}]'."
            ) from None

    def send(self, values: Mapping[str, float], at: Moment | None) -> None:
        """Numbers by name; `at` is None for results of the whole run."""
        raise NotImplementedError(f"{type(self).__name__} must implement send(values, at).")

    def stage(self, stage: Stage) -> None:
        self._stage, self._sent = stage, -self.seconds

    def step(self, at: Moment, terms: Mapping[str, float]) -> None:
        if at.seconds - self._sent >= self.seconds:
            self._sent = at.seconds
            self.send(named(at, loss=terms), at)

    def epoch(self, at: Moment, scores: Mapping[str, float], terms: Mapping[str, float]) -> None:
        self.send({**named(at, loss=terms, score=scores), f"{at.stage.name}/epoch": at.epoch, f"{at.stage.name}/chosen": at.chosen}, at)

    def end(self, ending: Ending) -> None:
        values = {
            f"result/{name}": float(v) for name, v in ending.results.items() if isinstance(v, int | float) and not isinstance(v, bool)
        }
        if values:
            self.send(values, None)


def named(at: Moment, **groups: Mapping[str, float]) -> dict[str, float]:
    """{"train/loss/task": 1.0}: numbers with their stage and group in front."""
    return {f"{at.stage.name}/{group}/{name}": float(value) for group, values in groups.items() for name, value in values.items()}


def config_of(run: Running) -> dict[str, Any]:
    """The run's identity as flat values, {"settings.lr": 0.001, ...}."""
    flat: dict[str, Any] = {}
    pending: list[tuple[str, Any]] = [("", dict(run.identity) or {"recipe": run.name, "seed": run.seed})]
    while pending:
        prefix, value = pending.pop()
        if isinstance(value, Mapping):
            pending += [(f"{prefix}.{key}" if prefix else str(key), inner) for key, inner in value.items()]
        else:
            flat[prefix] = value if isinstance(value, bool | int | float | str) else json.dumps(value)
    return dict(sorted(flat.items()))


def home_of(run: Running) -> Path:
    """The folder for files of a logger: the run's, or one for runs that are not kept."""
    return run.folder or Path("runs")
