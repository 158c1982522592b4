"""How long cells will take: the pictures that they will read, at the pace of finished cells that are like them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any
from typing import NamedTuple

from dazoo.bench.cells import Cell
from dazoo.bench.record import Record
from dazoo.engine.settings import Settings
from dazoo.registry.names import Recipe


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
            seen = _seen(record)
            if seen is not None and machine in (None, (record.machine.device, record.machine.platform)):
                for key in _keys(record.recipe, record.identity):
                    self._groups.setdefault(key, []).append(seen)

    def expected(self, cell: Cell) -> Measured | None:
        """What the cell will probably need; None where nothing like it was measured."""
        key = next((key for key in _keys(cell.recipe, cell.identity) if key in self._groups), None)
        if key is None:
            return None
        alike, settings = self._groups[key], cell.identity["settings"]
        times = [pictures(cell) * settings["size"] ** 2 / seen.rate for seen in alike]
        step = settings["batch"] * settings["size"] ** 2
        return Measured(
            seconds=fmean(times),
            low=min(times),
            high=max(times),
            memory=max(seen.memory for seen in alike),
            device_memory=int(max(seen.device_memory * max(1.0, step / seen.step) for seen in alike)),
            n=len(alike),
            like=key[0],
            where=self.where,
        )


def pictures(cell: Cell) -> int:
    """Pictures that a cell reads, of both domains."""
    settings = cell.identity["settings"]
    steps = Settings(**settings).steps_in_epoch(cell.larger)
    return 2 * settings["epochs"] * steps * settings["batch"]


def makespan(seconds: Sequence[float], workers: int) -> float:
    """The least wall time of cells that run `workers` at a time: their share of the sum, and not less than the longest."""
    return max([sum(seconds) / workers, *seconds])


def shipped(checkout: Path) -> Path | None:
    """The results that come with a checkout of dazoo; None where the folder is none."""
    place = checkout / "benchmarks" / "results"
    return place if place.is_dir() else None


def _seen(record: Record) -> _Seen | None:
    """What a record says of its pace; None if it failed, or if a trainer of one's own says nothing."""
    size, cost, used = record.identity.get("settings", {}).get("size"), record.cost, record.batch.used
    if not record.done or not cost.images_per_second or not used or type(size) is not int or not 0 < size < 2**16:
        return None
    return _Seen(cost.images_per_second * size**2, used * size**2, cost.memory or 0, cost.device_memory or 0)


def _keys(recipe: Recipe, identity: Mapping[str, Any]) -> tuple[tuple[Any, ...], ...]:
    """What cells may share, closest first."""
    settings = identity.get("arguments", {})
    own, backbone = json.dumps(settings, sort_keys=True), json.dumps(settings.get("backbone"), sort_keys=True)
    return (
        ("recipe", recipe, own),
        ("backbone, GAN and method", recipe.backbone, recipe.gan, recipe.method, own),
        ("backbone and scenario", recipe.backbone, recipe.scenario, recipe.gan is not None, backbone),
    )
