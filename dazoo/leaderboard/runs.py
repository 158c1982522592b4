"""What is kept of a record while very many are read: a run, or a failure."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from dataclasses import dataclass

import numpy as np

from dazoo.bench.fields import Batch
from dazoo.bench.fields import Cost
from dazoo.bench.fields import Error
from dazoo.bench.fields import Machine
from dazoo.bench.fields import Numbers
from dazoo.bench.record import Record
from dazoo.registry.names import Recipe


_PLACE = re.compile(r'File "[^"\n]*?((?:[^/\\"\n]+[/\\]){0,2}[^/\\"\n]+(?="))')
"""A file in a traceback; what is kept of it is the last three parts, which are the same on every machine."""


@dataclass(frozen=True)
class Failure:
    """A cell that ended with an error, or without a number. Files in the traceback have lost their leading folders."""

    name: str
    seed: int
    id: str
    kind: str
    message: str
    traceback: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A record without what no row prints, so that very many fit into memory.

    Attributes:
        row: key of the row that it belongs to, which stands for the identity.
        name, seed, id, recipe, adapts, attempts, batch, machine, cost, error, numbers, classes, confusion: of the record.
        accuracies: on the target, (E,), None where one was not finite.
        files: their names. place: their folder below the store.
    """

    row: str
    name: str
    seed: int
    id: str
    recipe: Recipe
    adapts: bool | None
    attempts: int
    batch: Batch
    machine: Machine
    cost: Cost
    error: Error | None
    numbers: Numbers
    classes: tuple[str, ...]
    confusion: np.ndarray | None
    accuracies: tuple[float | None, ...]
    files: tuple[str, ...]
    place: str

    @classmethod
    def of(cls, record: Record, row: str) -> Run:
        """The run of a record."""
        same = {name: getattr(record, name) for name in cls.__slots__ if name not in ("row", "accuracies", "files")}
        return cls(row=row, accuracies=tuple(epoch.accuracy for epoch in record.epochs), files=tuple(record.files), **same)

    def rank(self) -> tuple[bool, int, str]:
        """Of several records of one cell, the lowest counts: done before failed, then by attempts, then anything that no order changes."""
        return self.error is not None, -self.attempts, json.dumps(asdict(self), sort_keys=True, default=np.ndarray.tolist)

    def failure(self) -> Failure | None:
        """Why there is no number, or None where there is one."""
        if self.error is not None:
            trace = _PLACE.sub(r'File "\1', self.error.traceback)
            return Failure(self.name, self.seed, self.id, self.error.type, self.error.message, trace)
        if self.numbers.last is None:
            return Failure(self.name, self.seed, self.id, "no number", "The record says done, but its last accuracy is None.")
        return None
