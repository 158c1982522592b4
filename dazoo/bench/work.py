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
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from dazoo.bench.cells import SCHEMA
from dazoo.bench.cells import Record
from dazoo.bench.store import RECORD
from dazoo.bench.store import open_store
from dazoo.engine.launch import together
from dazoo.errors import Interrupted
from dazoo.errors import ProcessDied
from dazoo.errors import StoreError
from dazoo.lease import Lease
from dazoo.plain import again
from dazoo.plain import no_room
from dazoo.plain import strict_json
from dazoo.plain import write_whole
from dazoo.registry.names import parse
from dazoo.registry.plugins import zoo
from dazoo.version import __version__


@dataclass(frozen=True)
class Job:
    """A cell and where to run it, as plain values.

    Attributes:
        id, name, seed, settings, identity: of the cell (see `dazoo.bench.cells.Cell`). path: where it stands in the store.
        store: address of the results. work: folder on this machine (or one that all machines see) for checkpoints.
        data: folder of the data sets, or None. device: as `dazoo.train` takes it.
        weights: keep the model in the cell.
        trainer: "module:function" that makes the record; see `dazoo.bench.train`.
        attempts: times the cell was tried before. accumulate: parts that a step is run in; rises when memory runs out.
        processes: that train the cell together, on a GPU each; a batch is divided among them.
    """

    id: str
    path: str
    name: str
    seed: int
    settings: dict[str, Any]
    identity: dict[str, Any]
    store: str
    work: str
    data: str | None = None
    device: str = "auto"
    weights: bool = True
    trainer: str = "dazoo.bench.train:train"
    attempts: int = 0
    accumulate: int = 1
    processes: int = 1

    @property
    def folder(self) -> Path:
        """Where this cell's checkpoints and its log are."""
        return Path(self.work) / self.id

    @property
    def parts(self) -> int:
        """That a batch is divided into, over processes and one after another."""
        return self.processes * self.accumulate


Trainer = Callable[[Job, Path, Path], Mapping[str, Any]]
"""From the job, the folder for checkpoints and the folder of the coming cell (files put there are kept) to the record's own fields."""


def run_cell(arguments: Mapping[str, Any]) -> None:
    """Run a job (`Job` as a mapping) to its end, and commit it. Does nothing where it is finished, or in another process's hands.

    Raises:
        Interrupted, KeyboardInterrupt: stopped; the state is saved and the same call continues.
        ProcessDied: one of the cell's processes was killed. Nothing is recorded, as if this one had been.
        StoreError: no room to write to, or a store out of reach. It says nothing about the cell, so it is not recorded.
        Exception: what went wrong; it has been recorded.
    """
    try:
        _run(Job(**arguments))
    except Exception as exc:
        if isinstance(exc, StoreError) or not no_room(exc):
            raise
        raise StoreError(f"{exc}. {again(exc)}") from exc


def _run(job: Job) -> None:
    store = open_store(job.store)
    if store.has(job.path):
        return
    lease = Lease.take(job.folder / "lease")
    if lease is None:
        return
    with lease:
        if store.has(job.path):  # finished while the lease was taken
            return
        since = time.monotonic()
        staging = job.folder / f"cell-{uuid.uuid4().hex[:8]}"
        try:
            staging.mkdir()
            with (job.folder / "log").open("a", buffering=1) as log, redirect_stdout(log), redirect_stderr(log):
                record = {**_head(job), **_train(job, staging)}
            write_whole(staging / RECORD, strict_json(record, indent=1))
            store.commit(job.path, staging)
        except (Interrupted, KeyboardInterrupt, ProcessDied):
            raise
        except BaseException as exc:  # a plugin's SystemExit is a failed cell as well
            if isinstance(exc, StoreError) or no_room(exc):
                raise
            text = "".join(traceback.format_exception(exc))[-8000:]
            store.fail(job.path, failure(job, type(exc).__name__, str(exc), text, time.monotonic() - since))
            raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    shutil.rmtree(job.folder, ignore_errors=True)


def _train(job: Job, staging: Path) -> Mapping[str, Any]:
    """The record's own fields. Out of memory, the step is run in twice as many parts, whose gradients add up: again from the start."""
    while True:
        run = job.folder / f"run-{job.accumulate}"
        too_large = job.folder / f"out-of-memory-{job.accumulate}"
        if not too_large.exists():
            try:
                if job.processes > 1:
                    return together(job.processes, call_trainer, job, run, staging, log=job.folder / "log")
                return call_trainer(job, run, staging)
            except Exception as exc:
                if not out_of_memory(exc) or not _halves(job):
                    raise
            too_large.touch()
        for folder in (run, staging):
            shutil.rmtree(folder, ignore_errors=True)
        staging.mkdir()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        job = replace(job, accumulate=2 * job.accumulate)


def call_trainer(job: Job, folder: Path, cell: Path) -> Mapping[str, Any]:
    """What the job's trainer says, in this process."""
    module, _, function = job.trainer.partition(":")
    trainer: Trainer = getattr(import_module(module), function)
    return trainer(job, folder, cell)


def _halves(job: Job) -> bool:
    """Whether the batch can be cut once more: parts of at least two pictures."""
    batch = int(job.identity["settings"]["batch"])
    return batch % (2 * job.parts) == 0 and batch // (2 * job.parts) >= 2


def out_of_memory(exc: BaseException) -> bool:
    """Whether an exception says that memory ran out, of a GPU or of the machine (torch's CPU allocator has no type of its own)."""
    return isinstance(exc, torch.OutOfMemoryError | MemoryError) or isinstance(exc, RuntimeError) and "can't allocate memory" in str(exc)


def _head(job: Job) -> Record:
    """What every record has, however the cell ended."""
    return {
        "schema": SCHEMA,
        "status": "done",
        "id": job.id,
        "name": job.name,
        "seed": job.seed,
        "identity": job.identity,
        "attempts": job.attempts + 1,
    }


def failure(job: Job, kind: str, message: str, trace: str = "", seconds: float = 0.0) -> Record:
    """The record of a try that ended without a number."""
    return {
        **_head(job),
        "status": "failed",
        "recipe": asdict(parse(job.name, zoo())),
        "adapts": None,
        "batch": {"asked": job.identity["settings"]["batch"], "used": None},
        "machine": machine(job.device),
        "cost": {"seconds": round(seconds, 3), "images_per_second": None, "memory": None, "device_memory": None},
        "error": {"type": kind, "message": message, "traceback": trace},
    }


def machine(device: str) -> dict[str, Any]:
    """What computed it."""
    versions = {"dazoo": __version__, "torch": torch.__version__.partition("+")[0]}
    return {
        "device": device,
        "precision": None,
        "threads": torch.get_num_threads(),
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def peak_memory() -> int:
    """Most bytes of main memory that this process has held."""
    scale = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
