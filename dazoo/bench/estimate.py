"""How long cells will take: the pictures that they will read, at the pace of finished cells that are like them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any
from typing import NamedTuple

from dazoo.bench.cells import Cell
from dazoo.bench.cells import Record


@dataclass(frozen=True)
class Measured:
    """What finished cells say of one to come.

    Attributes:
        seconds: its expected wall time of training; low, high: at the fastest and at the slowest pace of those cells.
        memory, device_memory: most bytes of main memory and of a GPU's that one of them needed.
        n: how many they are. like: what they share with it. where: the results that they are in.
    """

    seconds: float
    low: float
    high: float
    memory: int
    device_memory: int
    n: int
    like: str
    where: str


class _Seen(NamedTuple):
    """What is kept of a finished cell, since there may be very many: pixels a second, pixels of a step, peak bytes of both memories."""

    rate: float
    step: int
    memory: int
    device_memory: int


class Pace:
    """Finished cells, grouped by what they have in common with cells to come.

    A cell is compared with those of its recipe, else of its backbone, GAN and method on other pictures, else of its backbone and scenario
    (with a GAN, if it has one), always with the same settings of the parts. Pictures count by their pixels. Left out is what pictures do
    not tell: the start of a process, the look at the target after an epoch if epochs are much shorter or longer, a second stage of other
    length, and the number of threads.

    Args:
        records: of any results.
        where: what these results are called.
        machine: (device, platform) as records have them, to take only cells of that kind of machine; None takes all.
    """

    def __init__(self, records: Iterable[Record], where: str, machine: tuple[str, str] | None = None) -> None:
        self.where = where
        self._groups: dict[tuple[Any, ...], list[_Seen]] = {}
        for record in records:
            if record["status"] != "done" or not record["cost"]["images_per_second"] or "size" not in record["identity"]["settings"]:
                continue  # one of a trainer of one's own may say nothing of its pace
            if machine in (None, (record["machine"]["device"], record["machine"]["platform"])):
                cost, size = record["cost"], record["identity"]["settings"]["size"] ** 2
                seen = _Seen(
                    cost["images_per_second"] * size, record["batch"]["used"] * size, cost["memory"] or 0, cost["device_memory"] or 0
                )
                for key in _keys(record["name"], record["recipe"], record["identity"]):
                    self._groups.setdefault(key, []).append(seen)

    def expected(self, cell: Cell, parts: Mapping[str, str | None]) -> Measured | None:
        """What the cell will probably need; None where nothing like it was measured. `parts` are its recipe's."""
        key = next((key for key in _keys(cell.name, parts, cell.identity) if key in self._groups), None)
        if key is None:
            return None
        alike, settings = self._groups[key], cell.identity["settings"]
        times = [pictures(cell) * settings["size"] ** 2 / seen.rate for seen in alike]
        step = settings["batch"] * settings["size"] ** 2
        return Measured(
            fmean(times),
            min(times),
            max(times),
            max(seen.memory for seen in alike),
            int(max(seen.device_memory * max(1.0, step / seen.step) for seen in alike)),
            len(alike),
            key[0],
            self.where,
        )


def pictures(cell: Cell) -> int:
    """Pictures that a cell reads, of both domains."""
    settings = cell.identity["settings"]
    steps = settings["steps_per_epoch"] or math.ceil(cell.larger / settings["batch"])
    return 2 * settings["epochs"] * steps * settings["batch"]


def makespan(seconds: Sequence[float], workers: int) -> float:
    """The least wall time of cells that run `workers` at a time: their share of the sum, and not less than the longest."""
    return max([sum(seconds) / workers, *seconds])


def shipped() -> Path | None:
    """The results that come with a checkout."""
    place = Path(__file__).parents[2] / "benchmarks" / "results"
    return place if place.is_dir() else None


def _keys(name: str, parts: Mapping[str, str | None], identity: Mapping[str, Any]) -> tuple[tuple[Any, ...], ...]:
    """What cells may share, closest first."""
    own = json.dumps(identity["arguments"], sort_keys=True)
    backbone = json.dumps(identity["arguments"].get("backbone"), sort_keys=True)
    return (
        ("recipe", name, own),
        ("backbone, GAN and method", parts["backbone"], parts["gan"], parts["method"], own),
        ("backbone and scenario", parts["backbone"], parts["scenario"], parts["gan"] is not None, backbone),
    )
