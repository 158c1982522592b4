"""What a person sees of a run: a bar with loss terms and rate on a terminal, a line an epoch elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import suppress

from rich.console import Console
from rich.progress import BarColumn
from rich.progress import Progress
from rich.progress import TextColumn
from rich.progress import TimeRemainingColumn

from dazoo.streams import is_terminal
from dazoo.streams import tell


class Display:
    """Progress on standard error.

    Args:
        title: name of the recipe.
        total: steps of the run. done: steps already behind it.
        images: pictures a step reads, for the rate.
        quiet: show nothing.
    """

    def __init__(self, title: str, *, total: int, done: int, images: int, quiet: bool) -> None:
        self.title, self.total, self.images, self.quiet = title, total, images, quiet
        self.since, self.first, self.terms = time.monotonic(), done, ""
        self.bar: Progress | None = None
        if not quiet and is_terminal(sys.stderr):
            columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.percentage:3.0f}%"), TimeRemainingColumn())
            self.bar = Progress(*columns, TextColumn("{task.fields[terms]}"), console=Console(stderr=True))
            self.task = self.bar.add_task(title, total=total, completed=done, terms="")
            self.bar.start()

    def step(self, number: int, terms: Mapping[str, float] | None) -> None:
        """After step `number`; `terms` when they have been read from the device."""
        if terms is not None:
            rate = (number - self.first) * self.images / max(1e-9, time.monotonic() - self.since)
            self.terms = " ".join(f"{k} {v:.3g}" for k, v in terms.items()) + f" | {rate:,.0f} img/s"
        if self.bar:
            self.bar.update(self.task, completed=number, terms=self.terms)

    def epoch(self, epoch: int, text: str) -> None:
        """One line for a finished epoch, where there is no bar."""
        if not self.quiet and self.bar is None:
            tell(f"{self.title}: epoch {epoch}: {text} | {self.terms}")

    def close(self) -> None:
        if self.bar:
            with suppress(OSError, ValueError):  # the terminal may have gone, the run has not
                self.bar.stop()
