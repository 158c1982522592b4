"""What a person sees of a run: a few lines that change on a terminal, a short line per epoch elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import suppress

from rich.console import Console
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dazoo.contracts import Ending
from dazoo.contracts import Logger
from dazoo.contracts import Moment
from dazoo.contracts import Running
from dazoo.contracts import Stage
from dazoo.engine.observe import HELD_OUT
from dazoo.plain import span
from dazoo.streams import is_terminal
from dazoo.streams import tell


WORDS = {
    "train": "training",
    "source": "source stage",
    "adapt": "adaptation",
    "source_only": "source only, to compare",
}
"""What a stage is called."""


class Display(Logger):
    """Progress on standard error."""

    def __init__(self) -> None:
        self.name = ""
        self.at: Moment | None = None
        self.terms: Mapping[str, float] = {}
        self.scores: Mapping[str, float] = {}
        self.chosen: Mapping[str, float] = {}  # scores of the epoch that the validator has chosen so far
        self.since = time.monotonic()
        self.live: Live | None = None

    def begin(self, run: Running) -> None:
        self.name, self.since = run.name, time.monotonic()

    def stage(self, stage: Stage) -> None:
        self._close()
        self.terms, self.scores, self.chosen = {}, {}, {}
        self.at = Moment(stage, stage.done, stage.done * stage.epochs // stage.steps, 0.0)
        if is_terminal(sys.stderr) and stage.done < stage.steps:
            console = Console(stderr=True)
            self.live = Live(console=console, get_renderable=lambda: self._drawing(console.width), refresh_per_second=4, transient=True)
            self.live.start()

    def step(self, at: Moment, terms: Mapping[str, float]) -> None:
        self.at, self.terms = at, terms

    def epoch(self, at: Moment, scores: Mapping[str, float], terms: Mapping[str, float]) -> None:
        if at.chosen == at.epoch:
            self.chosen = scores
        self.at, self.scores, self.terms = at, scores, terms
        if self.live is None:
            tell(f"{self._title(at.stage)}: {line(at, scores, terms)}")

    def end(self, ending: Ending) -> None:
        self._close()

    def _close(self) -> None:
        """Put the last line of a stage where its block was."""
        live, self.live = self.live, None
        if live is None or self.at is None:
            return
        with suppress(OSError, ValueError):  # the terminal may have gone, the run has not
            live.stop()
        if self.at.epoch:
            took = f" in {span(self.at.seconds)}" if self.at.step == self.at.stage.steps else ""
            tell(f"{self._title(self.at.stage)}: {line(self.at, self.scores, self.terms)}{took}")

    def _title(self, stage: Stage) -> str:
        return self.name if stage.of == 1 else f"{self.name} ({stage.number}/{stage.of} {WORDS.get(stage.name, stage.name)})"

    def _drawing(self, width: int) -> Group:
        """The block on a terminal."""
        at = self.at
        if at is None:
            return Group()
        stage = at.stage
        head = Table.grid(padding=(0, 1))
        which = "" if stage.of == 1 else f"stage {stage.number} of {stage.of}: {WORDS.get(stage.name, stage.name)}"
        bar = ProgressBar(total=stage.steps, completed=at.step, width=20)
        head.add_row(Text(self.name, style="bold"), Text(which), bar, Text(f"{100 * at.step / stage.steps:.0f} %"))
        epoch = min(stage.epochs, at.epoch + 1)
        left = "" if at.left is None else f", {span(at.left)} left{'' if stage.of == 1 else ' in this stage'}"
        rows = [
            f"epoch {epoch} of {stage.epochs}, step {at.step:,} of {stage.steps:,}, {span(time.monotonic() - self.since)} elapsed{left}"
        ]
        if self.terms:
            rate = (at.step - stage.done) * stage.pictures / max(at.seconds, 1e-9)
            pace = f"   {rate:,.0f} pictures/s" if stage.pictures else ""
            rows.append(f"loss  {'  '.join(f'{name} {value:.3g}' for name, value in self.terms.items())}{pace}")
        if stage.chooses in self.scores:
            best = self.chosen.get(stage.chooses)
            now, chosen = f"{self.scores[stage.chooses]:.3g}", f"epoch {at.chosen}{'' if best is None else f' with {best:.3g}'}"
            rows.append(f"score {stage.chooses} {now}, chosen so far: {chosen}{_held_out(self.scores)}")
        return Group(head, *(Text(f"  {row}", no_wrap=True, overflow="ellipsis") for row in rows))


def line(at: Moment, scores: Mapping[str, float], terms: Mapping[str, float]) -> str:
    """A finished epoch in a line: the score that chooses first."""
    stage = at.stage
    parts = [f"epoch {at.epoch}/{stage.epochs}"]
    if stage.chooses in scores:
        parts.append(f"{stage.chooses} {scores[stage.chooses]:.3g} (chosen: epoch {at.chosen})")
    parts += [f"{name} {value:.3g}" for name, value in terms.items()]
    if at.step < stage.steps and at.left is not None:
        parts.append(f"{span(at.left)} left")
    return ", ".join(parts)


def _held_out(scores: Mapping[str, float]) -> str:
    return f"; {100 * scores[HELD_OUT]:.1f} % of held-out source pictures right" if HELD_OUT in scores else ""
