"""Everyone who is told of a run, as one: keeps the clock and the stage, and leaves out a logger that fails."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dazoo.contracts import Ending
from dazoo.contracts import Logger
from dazoo.contracts import Moment
from dazoo.contracts import Running
from dazoo.contracts import Stage


@dataclass(frozen=True)
class Seen:
    """What was seen of a finished stage, from its first epoch on, also where it was interrupted.

    Attributes:
        scores, terms: label-free scores and last loss terms of each epoch.
        chooses: the validator that chooses, or "". chosen: the epoch, from 1, that it chose; the last where nothing could choose.
    """

    scores: Sequence[Mapping[str, float]]
    terms: Sequence[Mapping[str, float]]
    chooses: str = ""
    chosen: int = 0


class Loggers:
    """Tells loggers what happens. A context manager: what ends the block early is how the run ended.

    Args:
        loggers: who is told, by what messages call them.

    Attributes:
        seen: what was seen of the stages that are finished, by name.
    """

    def __init__(self, loggers: Mapping[str, Logger] | None = None) -> None:
        self._loggers = dict(loggers or {})
        self.seen: dict[str, Seen] = {}
        self._of, self._entered, self._ended = 1, 0, False
        self._stage = Stage("train", 1, 1, 1, 1)
        self._since = time.monotonic()
        self._chosen = 0

    def begin(self, run: Running) -> None:
        self._of = len(run.stages)
        self._tell("begin", run)

    def enter(self, name: str, *, epochs: int, steps: int, done: int = 0, chooses: str = "", pictures: int = 0) -> None:
        """A stage begins; see `Stage`."""
        self._entered += 1
        number = min(self._entered, self._of)
        self._stage = Stage(name, number, self._of, epochs, steps, done, chooses, pictures)
        self._since, self._chosen = time.monotonic(), 0
        self._tell("stage", self._stage)

    def step(self, number: int, terms: Mapping[str, float]) -> None:
        if self._loggers:
            self._tell("step", self._moment(number), terms)

    def epoch(self, number: int, scores: Mapping[str, float], terms: Mapping[str, float], chosen: int) -> None:
        self._chosen = chosen
        self._tell("epoch", self._moment(number), scores, terms)

    def leave(self, scores: Sequence[Mapping[str, float]], terms: Sequence[Mapping[str, float]], chosen: int) -> None:
        """The stage is finished."""
        self.seen[self._stage.name] = Seen(scores, terms, self._stage.chooses, chosen)

    def picture(self, name: str, file: Path) -> None:
        self._tell("picture", name, file)

    def end(self, ending: Ending) -> None:
        if not self._ended:
            self._ended = True
            self._tell("end", ending)

    def __enter__(self) -> Loggers:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: object) -> None:
        if exc is None:
            self.end(Ending("finished"))
        else:
            stopped = isinstance(exc, KeyboardInterrupt) or getattr(exc, "exit_code", 1) > 128
            self.end(Ending("stopped" if stopped else "failed", message=str(exc) or type(exc).__name__))

    def _moment(self, step: int) -> Moment:
        stage, seconds = self._stage, time.monotonic() - self._since
        here = step - stage.done
        left = seconds / here * (stage.steps - step) if here > 0 else None
        return Moment(stage, step, step * stage.epochs // stage.steps, seconds, left, self._chosen)

    def _tell(self, event: str, *what: Any) -> None:
        for name, logger in list(self._loggers.items()):
            given = [dict(one) if isinstance(one, Mapping) else one for one in what]  # one logger's changes are not another's
            try:
                getattr(logger, event)(*given)
            except (Exception, SystemExit) as exc:
                del self._loggers[name]
                warnings.warn(f"{name} fails and is left out; training goes on: {type(exc).__name__}: {exc}", stacklevel=3)
