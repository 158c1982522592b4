"""A cell and how to run it, as it travels from the driver to the process that trains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from dazoo.bench.cells import Cell
from dazoo.registry.names import Recipe


if TYPE_CHECKING:
    from dazoo.runs.plan import Pictures  # imports torch, which a look at a grid should not wait for


@dataclass(frozen=True)
class Assignment:
    """A cell and how to run it.

    Attributes:
        cell: what to run.
        store: address of the results. work: folder on this machine (or one that all machines see) for checkpoints.
        data: folder of the data sets, or None. source, target: a person's own pictures, or None. device: as `dazoo.train` takes it.
        weights: keep the model in the cell.
        trainer: "module:function" that makes the record; see `dazoo.bench.train`.
        attempts: times the cell was tried before.
        accumulate: micro-batches of a step in each process, one after another; rises when memory runs out.
        processes: that train the cell together, on a GPU each; a batch is divided among them.
    """

    cell: Cell
    store: str
    work: str
    data: str | None = None
    device: str = "auto"
    weights: bool = True
    trainer: str = "dazoo.bench.train:train"
    attempts: int = 0
    accumulate: int = 1
    processes: int = 1
    source: str | None = None
    target: str | None = None

    @property
    def pictures(self) -> Pictures:
        """Where the pictures are on this machine."""
        return {"data": self.data, "source": self.source, "target": self.target}

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Assignment:
        """The assignment whose `dataclasses.asdict` a job carries."""
        cell = arguments["cell"]
        return cls(**{**arguments, "cell": Cell(**{**cell, "recipe": Recipe(**cell["recipe"])})})

    @property
    def folder(self) -> Path:
        """Where this cell's checkpoints and its log are."""
        return Path(self.work) / self.cell.id

    @property
    def micro_batches(self) -> int:
        """Into how many a batch is divided, over processes and one after another."""
        return self.processes * self.accumulate
