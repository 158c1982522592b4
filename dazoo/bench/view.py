"""What a person sees of a grid while it runs: a live table on a terminal, a line a cell elsewhere, and a file for `dazoo bench status`."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dazoo.bench.driver import Count
from dazoo.plain import duration
from dazoo.plain import strict_json
from dazoo.plain import write_whole
from dazoo.streams import is_terminal
from dazoo.streams import tell


SHOWN = 12
"""Running cells that are shown."""

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
        self._said = 0
        self._live: Live | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_on, daemon=True)

    def __enter__(self) -> View:
        console = Console(stderr=True)
        if not self.quiet and is_terminal(sys.stderr):
            self._live = Live(console=console, get_renderable=lambda: drawing(self.status(), console.width), refresh_per_second=2)
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
        if not self.quiet and self._live is None and len(count.errors) > self._said:
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
        says = run["log"].removeprefix(f"{run['cell'].partition('/')[0]}: ")
        table.add_row(run["cell"].rpartition("-")[0], duration(run["seconds"]), Text(says))
    errors = [Text(f"failed  {path}: {error}", style="red", no_wrap=True, overflow="ellipsis") for path, error in status["errors"].items()]
    return Group(head, Text(line(status)), *([table] if status["running"] else []), *errors)
