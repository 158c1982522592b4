"""What a person sees of a grid while it runs: a live table on a terminal, lines elsewhere, and a file for `dazoo bench status`."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dazoo.bench.driver import Count
from dazoo.plain import duration
from dazoo.plain import per_cent
from dazoo.plain import strict_json
from dazoo.plain import write_whole
from dazoo.streams import is_terminal
from dazoo.streams import tell


SHOWN = 12
"""Running and finished cells that are shown, of each."""

STATUS = "status.json"


class View:
    """Shows a `Count`, again and again. A context manager.

    Args:
        work: folder of the run's logs, where the status file is kept.
        quiet: show nothing (the status file is still written).
    """

    def __init__(self, work: Path, quiet: bool = False) -> None:
        self.work, self.quiet = work, quiet
        self.count = Count(0)
        self.since = time.monotonic()
        self._said = self._told = 0
        self._live: Live | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_on, daemon=True)

    def __enter__(self) -> View:
        console = Console(stderr=True)
        if not self.quiet and is_terminal(sys.stderr):
            self._live = Live(
                console=console, get_renderable=lambda: drawing(self.status(), console.width), refresh_per_second=2, transient=True
            )
            self._live.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._write()
        if self._live is not None:
            self._live.stop()

    def __call__(self, count: Count) -> None:
        """Look at the count (the driver calls this after every change)."""
        self.count = count
        if self.quiet or self._live is not None:
            return
        for path, found in list(count.numbers.items())[self._told :]:
            tell(f"finished  {shown_name(path)}: {accuracies(found)}")
        self._told = len(count.numbers)
        if len(count.errors) > self._said:
            for path, error in list(count.errors.items())[self._said :]:
                tell(f"failed  {path}: {error}")
            self._said = len(count.errors)

    def _write_on(self) -> None:
        """The status file every second; without a terminal also a line for the person, where there is news, every ten."""
        news, said = None, 0.0
        while not self._ended.wait(1.0):
            status = self.status()
            self._write()
            if not self.quiet and self._live is None and time.monotonic() - said > 10 and news != status["left"]:
                tell(line(status))
                news, said = status["left"], time.monotonic()

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # a full disk must not end the grid for the sake of its status
            self.work.mkdir(parents=True, exist_ok=True)
            write_whole(self.work / STATUS, strict_json(self.status()), sync=False)

    def status(self) -> dict[str, Any]:
        """The count as JSON values, with rate and time left."""
        count, now = self.count, time.monotonic()
        ended = count.done + len(count.errors)
        rate = count.done / max(now - self.since, 1e-9)
        running = sorted(dict(count.running).items(), key=lambda item: item[1])[:SHOWN]
        return {
            "total": count.total,
            "kept": count.kept,
            "done": count.done,
            "failed": len(count.errors),
            "left": count.left,
            "seconds": round(now - self.since, 1),
            "cells_per_hour": round(3600 * rate, 1),
            "seconds_left": round(count.left / rate) if rate and ended else None,
            "running": [
                {"cell": path, "seconds": round(now - since), "log": last_line(self.work / path.rpartition("-")[2] / "log")}
                for path, since in running
            ],
            "finished": [
                {"cell": path, "chosen": chosen, "last": last} for path, (chosen, last) in list(count.numbers.items())[: -SHOWN - 1 : -1]
            ],
            "errors": dict(sorted(dict(count.errors).items())[:SHOWN]),
        }


def read_status(work: Path) -> dict[str, Any] | None:
    """What the newest driver on this folder wrote, or None."""
    try:
        return json.loads((work / STATUS).read_text())
    except (OSError, ValueError):
        return None


def last_line(log: Path, most: int = 2000) -> str:
    """The last line of a cell's log; a bar's line is what stands after the last carriage return."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - most))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((text.rpartition("\r")[2].strip() for text in reversed(lines) if text.strip()), "")


def line(status: Mapping[str, Any]) -> str:
    """The count in a line."""
    left = status["seconds_left"]
    ends = "" if left is None or not status["left"] else f", about {duration(left)} left"
    failed = f", {status['failed']} failed" if status["failed"] else ""
    done = status["kept"] + status["done"]
    return f"{done}/{status['total']} cells{failed}, {len(status['running'])} running, {status['cells_per_hour']:g} cells/h{ends}"


def drawing(status: Mapping[str, Any], width: int) -> Group:
    """The count as a bar with a table of what runs."""
    head = Table.grid()  # a bar alone does not end its line
    head.add_row(ProgressBar(total=max(1, status["total"]), completed=status["kept"] + status["done"], width=min(60, width)))
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for name, ratio in (("RUNNING", None), ("FOR", None), ("SAYS", 1)):
        table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=ratio)
    for run in status["running"]:
        says = run["log"].removeprefix(run["cell"].partition("/")[0]).lstrip(": ")
        table.add_row(shown_name(run["cell"]), duration(run["seconds"]), Text(says or "starting"))
    errors = [Text(f"failed  {path}: {error}", style="red", no_wrap=True, overflow="ellipsis") for path, error in status["errors"].items()]
    ended = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("FINISHED", "CHOSEN", "LAST"):
        ended.add_column(name, no_wrap=True, overflow="ellipsis", justify="left" if name == "FINISHED" else "right")
    for cell in status["finished"]:
        ended.add_row(shown_name(cell["cell"]), *(per_cent(cell[key]) for key in ("chosen", "last")))
    tables = [shown for shown, rows in ((table, status["running"]), (ended, status["finished"])) if rows]
    return Group(head, Text(line(status)), *tables, *errors)


def shown_name(path: str) -> str:
    """A cell's path without its id."""
    return path.rpartition("-")[0]


def accuracies(found: tuple[float | None, float | None]) -> str:
    """The chosen epoch's accuracy and the last one's in words."""
    chosen, last = found
    return "no accuracy" if last is None and chosen is None else f"chosen epoch {per_cent(chosen)}, last epoch {per_cent(last)}"


def standings(count: Count) -> list[tuple[str, float, int]]:
    """(recipe, mean accuracy of the chosen epochs, seeds) of the cells that were finished now, best first."""
    found: dict[str, list[float]] = {}
    for path, (chosen, _) in count.numbers.items():
        if chosen is not None:
            found.setdefault(path.partition("/")[0], []).append(chosen)
    return sorted(((name, fmean(shares), len(shares)) for name, shares in found.items()), key=lambda row: -row[1])
