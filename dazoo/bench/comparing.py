"""`dazoo compare`: runs and cells side by side, and which to use, without target labels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dazoo.bench.record import Record
from dazoo.bench.stores import open_store
from dazoo.errors import DataError
from dazoo.metrics.choosing import Candidate
from dazoo.metrics.choosing import Comparison
from dazoo.metrics.choosing import choose_among
from dazoo.plain import expanded
from dazoo.registry.plugins import zoo
from dazoo.runs.comparing import candidate
from dazoo.runs.comparing import is_run


def compare(*runs: str | os.PathLike[str], select: str | None = None) -> Comparison:
    """A table of label-free scores and verdicts, with accuracies where labels are there to count, and a recommendation with its reason.

    Args:
        runs: folders of runs (`dazoo train --out`), of saved models, or of results (`dazoo bench run --out`). Other folders among several
            are passed over, so that runs/* may be given.
        select: the label-free score that decides; the one that chose in the runs unless given.

    Raises:
        DataError: nothing to compare, or runs on other target pictures.
        UnknownName: a score that no run has.
    """
    found: list[Candidate] = []
    for run in runs:
        folder = expanded(run)
        if is_run(folder):
            found.append(candidate(folder, zoo()))
        elif (folder / "cells").is_dir():
            found += cells(folder)
        elif len(runs) == 1:
            raise DataError(f"{folder} is neither a run that has ended, nor results of 'dazoo bench run'.")
    return choose_among(found, select)


def cells(folder: Path) -> Iterator[Candidate]:
    """The finished cells of a results folder that are about a person's own pictures."""
    for record in open_store(str(folder)).records():
        if record.done and record.judged is not None and record.recipe.scenario is None:
            yield of_record(record, str(folder / record.place))


def of_record(record: Record, name: str) -> Candidate:
    """A finished cell as a candidate."""
    judged = dict(record.judged or {})
    settings = record.identity.get("settings", {})
    return Candidate.of(
        name,
        record.name,
        {**judged, "seed": record.seed},
        classes=record.classes,
        source_counts=tuple(judged.get("source_counts", ())),
        validator=str(settings.get("validator", "")),
        adapts=bool(record.adapts),
        accuracy=record.numbers.last,
    )
