"""Run one cell, in a process of its own: take its lease, train it or go on where it was, and commit what it found."""

from __future__ import annotations

import platform
import resource
import shutil
import time
import traceback
import uuid
from collections.abc import Callable
from collections.abc import Mapping
from contextlib import redirect_stderr
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import torch

from dazoo.bench.assignment import Assignment
from dazoo.bench.fields import Batch
from dazoo.bench.fields import Cost
from dazoo.bench.fields import Error
from dazoo.bench.fields import Machine
from dazoo.bench.record import Record
from dazoo.bench.store import RECORD
from dazoo.bench.stores import open_store
from dazoo.engine.launch import together
from dazoo.errors import DataError
from dazoo.errors import Interrupted
from dazoo.errors import ProcessDied
from dazoo.errors import StoreError
from dazoo.errors import TrainingError
from dazoo.lease import Lease
from dazoo.plain import again
from dazoo.plain import no_room
from dazoo.plain import write_whole
from dazoo.version import __version__


Trainer = Callable[[Assignment, Path, Path], Record | None]
"""From the assignment, the folder for checkpoints and the draft of the cell's folder (files put there are kept) to the record; None from
all but the first of several processes."""


def run_cell(arguments: Mapping[str, Any]) -> None:
    """Run an assignment (see `Assignment.of`) to its end, and commit the cell. Does nothing where the cell is finished, or another process
    works on it.

    Raises:
        Interrupted, KeyboardInterrupt: stopped; the state is saved and the same call continues.
        ProcessDied: one of the cell's processes was killed. Nothing is recorded, as if this one had been.
        StoreError: no room to write to, or a store out of reach. It says nothing about the cell, so it is not recorded.
        Exception: what went wrong; it has been recorded.
    """
    try:
        _run(Assignment.of(arguments))
    except Exception as exc:
        if isinstance(exc, StoreError) or not no_room(exc):
            raise
        raise StoreError(f"{exc}. {again(exc)}") from exc


def _run(assignment: Assignment) -> None:
    store, path, folder = open_store(assignment.store), assignment.cell.path, assignment.folder
    if store.has(path):
        return
    lease = Lease.take(folder / "lease")
    if lease is None:
        return
    with lease:
        if store.has(path):  # finished while the lease was taken
            return
        since = time.monotonic()
        draft = folder / f"cell-{uuid.uuid4().hex[:8]}"
        try:
            draft.mkdir()
            with (folder / "log").open("a", buffering=1) as log, redirect_stdout(log), redirect_stderr(log):
                record = _train(assignment, draft)
            write_whole(draft / RECORD, _readable(record, assignment))
            store.commit(path, draft)
        except (Interrupted, KeyboardInterrupt, ProcessDied):
            raise
        except BaseException as exc:  # a plugin's SystemExit is a failed cell as well
            if isinstance(exc, StoreError) or no_room(exc):
                raise
            error = Error(type(exc).__name__, str(exc), "".join(traceback.format_exception(exc))[-8000:])
            store.fail(path, failure(assignment, error, time.monotonic() - since))
            raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _readable(record: Record, assignment: Assignment) -> str:
    """The text of a record that can be read again.

    Raises:
        TrainingError: it cannot, because of what the trainer gave.
    """
    text = record.to_text()
    try:
        Record.from_text(text.encode(), assignment.cell.path)
    except DataError as exc:
        raise TrainingError(f"The trainer {assignment.trainer} gave no record of this cell: {exc}") from None
    return text


def _train(assignment: Assignment, draft: Path) -> Record:
    """The record. Out of memory, the step is run in twice as many micro-batches, whose gradients add up: again from the start."""
    while True:
        run = assignment.folder / f"run-{assignment.accumulate}"
        too_large = assignment.folder / f"out-of-memory-{assignment.accumulate}"
        if not too_large.exists():
            try:
                if assignment.processes > 1:
                    return together(assignment.processes, call_trainer, assignment, run, draft, log=assignment.folder / "log")
                return call_trainer(assignment, run, draft)
            except Exception as exc:
                if not out_of_memory(exc) or not _halves(assignment):
                    raise
            too_large.touch()
        for folder in (run, draft):
            shutil.rmtree(folder, ignore_errors=True)
        draft.mkdir()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        assignment = replace(assignment, accumulate=2 * assignment.accumulate)


def call_trainer(assignment: Assignment, folder: Path, draft: Path) -> Any:
    """What the assignment's trainer gives, in this process."""
    trainer: Trainer = resolve_name(assignment.trainer)
    return trainer(assignment, folder, draft)


def _halves(assignment: Assignment) -> bool:
    """Whether the batch can be cut once more: micro-batches of at least two images."""
    batch, twice = int(assignment.cell.identity["settings"]["batch"]), 2 * assignment.micro_batches
    return batch % twice == 0 and batch // twice >= 2


def out_of_memory(exc: BaseException) -> bool:
    """Whether an exception says that memory ran out, of a GPU or of the machine (torch's CPU allocator has no type of its own)."""
    return isinstance(exc, torch.OutOfMemoryError | MemoryError) or isinstance(exc, RuntimeError) and "can't allocate memory" in str(exc)


def failure(assignment: Assignment, error: Error, seconds: float = 0.0) -> Record:
    """The record of a try that ended without a number."""
    cell = assignment.cell
    return Record(
        id=cell.id,
        name=cell.name,
        seed=cell.seed,
        recipe=cell.recipe,
        identity=cell.identity,
        adapts=None,
        attempts=assignment.attempts + 1,
        batch=Batch(cell.identity["settings"]["batch"], None),
        machine=this_machine(assignment.device),
        cost=Cost(round(seconds, 3), None, None, None),
        error=error,
    )


def this_machine(device: str, precision: str | None = None, processes: int = 1) -> Machine:
    """What computes a cell here."""
    return Machine(
        device=device,
        precision=precision,
        threads=torch.get_num_threads(),
        platform=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        versions={"dazoo": __version__, "torch": torch.__version__.partition("+")[0]},
        processes=processes,
    )


def peak_memory() -> int:
    """Most bytes of main memory that this process has held."""
    scale = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
