"""Event files for TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dazoo.contracts import Ending
from dazoo.contracts import Moment
from dazoo.contracts import Running
from dazoo.contracts import Stage
from dazoo_tracking.service import Service
from dazoo_tracking.service import config_of
from dazoo_tracking.service import home_of


class TensorBoard(Service):
    """Curves in TensorBoard: `tensorboard --logdir runs`. Each stage of a run is a line of its own in the same plots.

    Args:
        dir: folder for the event files; "tensorboard" in the run's folder unless given.
        seconds: least time between two reports of the losses.
    """

    package, extra, entrance = "tensorboard", "tensorboard", "__version__"

    def __init__(self, dir: str = "", seconds: float = 1.0) -> None:
        super().__init__(seconds)
        from torch.utils.tensorboard import SummaryWriter

        self.library, self.dir = SummaryWriter, dir
        self.root = Path(dir)
        self.writer: Any = None
        self._written = 0

    def begin(self, run: Running) -> None:
        home = home_of(run)
        self.root = Path(self.dir) if self.dir else home / "tensorboard"
        if not self.dir and run.folder is None:
            self.root = self.root / f"{run.name}-seed{run.seed}-{run.id[:8]}"
        with self.library(str(self.root)) as writer:
            writer.add_text("run", f"```json\n{json.dumps(config_of(run), indent=1)}\n```")

    def stage(self, stage: Stage) -> None:
        super().stage(stage)
        self._close()
        again = {"purge_step": stage.done + 1} if stage.done else {}  # what was written after the checkpoint comes again
        self.writer = self.library(str(self.root / stage.name), **again)

    def send(self, values: Mapping[str, float], at: Moment | None) -> None:
        if at is not None:
            for name, value in values.items():
                self.writer.add_scalar(name.partition("/")[2], value, at.step)
            return
        with self.library(str(self.root)) as writer:
            for name, value in values.items():
                writer.add_scalar(name, value, 0)

    def picture(self, name: str, file: Path) -> None:
        with self.library(str(self.root)) as writer, Image.open(file) as image:
            writer.add_image(name, np.asarray(image.convert("RGB")), dataformats="HWC")

    def end(self, ending: Ending) -> None:
        self._close()
        super().end(ending)

    def _close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None
