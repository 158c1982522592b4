"""Clauses for a logger: it takes whatever happens in a run. Nothing is sent but what its settings allow (a test's own folder, a fake)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from dazoo.contracts import Ending
from dazoo.contracts import Logger
from dazoo.contracts import Moment
from dazoo.contracts import Running
from dazoo.contracts import Stage
from dazoo.registry.plugins import zoo


IDENTITY = {"recipe": "fcn-dann", "seed": 0, "settings": {"lr": 0.1, "balance": True}, "plugins": {"dazoo": "0"}, "data": None}


def takes_every_event(name: str, settings: dict[str, Any]) -> None:
    """A run of two stages with a picture and numbers, from its beginning to its end, and another one after it."""
    with _folder() as folder:
        for i in range(2):
            run = Running("fcn-dann", i, IDENTITY, ("train", "source_only"), folder / str(i), f"kit{i}{folder.name[-8:]}")
            logger = _begun(name, settings, run)
            for number, stage in enumerate(run.stages, 1):
                _train(logger, Stage(stage, number, 2, epochs=2, steps=4, chooses="entropy", pictures=8))
            picture = folder / "curves.png"
            Image.new("RGB", (8, 6)).save(picture)
            logger.picture("curves", picture)
            logger.end(Ending("finished", {"last": 0.5, "seed": i, "validator": "entropy"}, "fine"))


def takes_a_run_that_goes_on(name: str, settings: dict[str, Any]) -> None:
    """A run is stopped in the middle of a stage, and goes on under the same id."""
    with _folder() as folder:
        run = Running("fcn-dann", 0, IDENTITY, folder=folder, id=f"kit{folder.name[-8:]}")
        stage = Stage("train", 1, 1, epochs=2, steps=4)
        logger = _begun(name, settings, run)
        _train(logger, stage, until=3)
        logger.end(Ending("stopped", message="stopped by a signal"))
        logger = _begun(name, settings, run)
        _train(logger, replace(stage, done=2))
        logger.end(Ending("finished"))


def takes_odd_values(name: str, settings: dict[str, Any]) -> None:
    """Scores that are not finite (a model that no validator would choose), no scores at all, and a run that is kept nowhere and fails."""
    with _folder() as folder:
        run = Running("fcn-tent", 0, IDENTITY, folder=folder, id=f"kit{folder.name[-8:]}")
        logger = _begun(name, settings, run)
        stage = Stage("adapt", 1, 1, epochs=2, steps=2)
        logger.stage(stage)
        for epoch, scores in enumerate(({"dev": float("-inf"), "snd": float("nan")}, {}), 1):
            logger.epoch(Moment(stage, epoch, epoch, 0.1), scores, {"entropy": 1.0})
        logger.end(Ending("failed", message="a loss is not finite"))


class _Told(Logger):
    """Hands every event on; what a logger raises is an AssertionError that names the event."""

    def __init__(self, name: str, logger: Logger) -> None:
        for event in (key for key in vars(Logger) if not key.startswith("_")):
            setattr(self, event, partial(self._tell, name, event, getattr(logger, event)))

    def _tell(self, name: str, event: str, method: Callable[..., None], *what: Any) -> None:
        try:
            method(*what)
        except Exception as exc:
            raise AssertionError(
                f"{name}: {event}() fails: {type(exc).__name__}: {exc}. In a run it would be left out from here on."
            ) from exc


def _begun(name: str, settings: dict[str, Any], run: Running) -> Logger:
    logger = _Told(name, zoo().loggers.build(name, **settings))
    logger.begin(run)
    return logger


def _train(logger: Logger, stage: Stage, until: int | None = None) -> None:
    logger.stage(stage)
    for step in range(stage.done + 1, (until or stage.steps) + 1):
        at = Moment(stage, step, step * stage.epochs // stage.steps, 0.5 * step, 1.0, 1)
        logger.step(at, {"task": 1.0 / step, "domain": 0.7})
        if step % (stage.steps // stage.epochs) == 0:
            logger.epoch(at, {"entropy": -0.5, "source_accuracy": 0.9}, {"task": 1.0 / step, "domain": 0.7})


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
