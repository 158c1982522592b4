"""A run in trackio."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from dazoo.contracts import Ending
from dazoo.contracts import Moment
from dazoo.contracts import Running
from dazoo_tracking.service import Service
from dazoo_tracking.service import config_of


class Trackio(Service):
    """A run in trackio (`trackio show`), which goes on when the training does. The variables TRACKIO_* hold.

    Args:
        project: where it is listed.
        space: a Hugging Face Space ("user/name") that shows it; this machine alone unless given.
        seconds: least time between two reports of the losses.
    """

    package, extra, entrance = "trackio", "trackio", "init"

    def __init__(self, project: str = "dazoo", space: str = "", seconds: float = 1.0) -> None:
        super().__init__(seconds)
        self.project, self.space = project, space
        self.run: Any = None

    def begin(self, run: Running) -> None:
        with redirect_stdout(sys.stderr):  # it greets there, and standard output is for data
            self.run = self.library.init(
                project=self.project,
                name=f"{run.name}-seed{run.seed}-{run.id[:8]}",
                config=config_of(run),
                resume="allow",
                embed=False,
                **({"space_id": self.space} if self.space else {}),
            )

    def send(self, values: Mapping[str, float], at: Moment | None) -> None:
        self.run.log(dict(values), step=None if at is None else at.step)

    def picture(self, name: str, file: Path) -> None:
        self.run.log({name: self.library.Image(str(file))})

    def end(self, ending: Ending) -> None:
        if self.run is not None:
            super().end(ending)
            with redirect_stdout(sys.stderr):
                self.run.finish()
