"""A run in Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dazoo.contracts import Ending
from dazoo.contracts import Moment
from dazoo.contracts import Running
from dazoo.contracts import Stage
from dazoo_tracking.service import Service
from dazoo_tracking.service import config_of
from dazoo_tracking.service import home_of


class WandB(Service):
    """A run in Weights & Biases, which goes on when the training does. The variables WANDB_* hold: WANDB_MODE=offline needs no account.

    Args:
        project: where it is listed.
        name: of the run; recipe and seed unless given.
        mode: "online", "offline" or "disabled"; the library's own choice unless given.
        seconds: least time between two reports of the losses.
    """

    package, extra, entrance = "wandb", "wandb", "init"

    def __init__(self, project: str = "dazoo", name: str = "", mode: str = "", seconds: float = 1.0) -> None:
        super().__init__(seconds)
        self.project, self.name, self.mode = project, name, mode
        self.run: Any = None

    def begin(self, run: Running) -> None:
        home = home_of(run)
        home.mkdir(parents=True, exist_ok=True)
        self.run = self.library.init(
            project=self.project,
            name=self.name or f"{run.name} seed {run.seed}",
            id=run.id,
            resume="allow",
            dir=str(home),
            config=config_of(run),
            **({"mode": self.mode} if self.mode else {}),
        )

    def stage(self, stage: Stage) -> None:
        super().stage(stage)
        # Each stage counts its own steps, and W&B's only ever rises.
        self.run.define_metric(f"{stage.name}/step")
        self.run.define_metric(f"{stage.name}/*", step_metric=f"{stage.name}/step")

    def send(self, values: Mapping[str, float], at: Moment | None) -> None:
        if at is None:
            self.run.summary.update(dict(values))
        else:
            self.run.log({**values, f"{at.stage.name}/step": at.step})

    def picture(self, name: str, file: Path) -> None:
        self.run.log({name: self.library.Image(str(file))})

    def end(self, ending: Ending) -> None:
        if self.run is not None:
            super().end(ending)
            self.run.finish(exit_code=0 if ending.state == "finished" else 1)
