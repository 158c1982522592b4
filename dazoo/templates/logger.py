"""A logger: who is told of a run while it trains. Override the events that you want."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dazoo.contracts import Logger
from dazoo.contracts import Moment
from dazoo.errors import SettingsError


class MyThing(Logger):
    """Writes a line of JSON per epoch; `dazoo train ... --log my_thing --log-set my_thing.file=run.jsonl`.

    Args:
        file: where to.
    """

    def __init__(self, file: str = "run.jsonl") -> None:
        if not file:
            raise SettingsError("file is empty; expected a file to write to.")
        self.file = file

    def epoch(self, at: Moment, scores: Mapping[str, float], terms: Mapping[str, float]) -> None:
        with open(self.file, "a", encoding="utf-8") as file:
            print(json.dumps({"stage": at.stage.name, "epoch": at.epoch, **scores, **terms}), file=file)
