"""A run in MLflow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from dazoo.contracts import Ending
from dazoo.contracts import Moment
from dazoo.contracts import Running
from dazoo_tracking.service import Service
from dazoo_tracking.service import config_of


TAG = "dazoo.run"
LONGEST = 500
"""Characters of a parameter that every MLflow server takes."""
STATES = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}


class MLflow(Service):
    """A run in MLflow, which goes on when the training does. The variables MLFLOW_* hold. A run that is active already is left alone.

    Args:
        experiment: where it is listed.
        uri: address of the tracking server or store; the library's own choice unless given (MLFLOW_TRACKING_URI).
        seconds: least time between two reports of the losses.
    """

    package, extra, entrance = "mlflow", "mlflow", "MlflowClient"

    def __init__(self, experiment: str = "dazoo", uri: str = "", seconds: float = 1.0) -> None:
        super().__init__(seconds)
        self.experiment, self.uri = experiment, uri
        self.client: Any = None
        self.id = ""

    def begin(self, run: Running) -> None:
        self.client = self.library.MlflowClient(tracking_uri=self.uri or None)
        found = self.client.get_experiment_by_name(self.experiment)
        experiment = found.experiment_id if found else self.client.create_experiment(self.experiment)
        earlier = self.client.search_runs([experiment], filter_string=f"tags.`{TAG}` = '{run.id}'")
        if earlier:
            self.id = earlier[0].info.run_id
            self.client.update_run(self.id, status="RUNNING")
            return
        name = f"{run.name} seed {run.seed}"
        self.id = self.client.create_run(experiment, run_name=name, tags={TAG: run.id}).info.run_id
        param = import_module("mlflow.entities").Param
        self.client.log_batch(self.id, params=[param(key, str(value)[:LONGEST]) for key, value in config_of(run).items()])

    def send(self, values: Mapping[str, float], at: Moment | None) -> None:
        metric, now = import_module("mlflow.entities").Metric, int(1000 * time.time())
        self.client.log_batch(self.id, metrics=[metric(name, value, now, 0 if at is None else at.step) for name, value in values.items()])

    def picture(self, name: str, file: Path) -> None:
        self.client.log_artifact(self.id, str(file))

    def end(self, ending: Ending) -> None:
        if self.id:
            super().end(ending)
            self.client.set_terminated(self.id, STATES[ending.state])
