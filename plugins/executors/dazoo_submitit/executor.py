"""The submitit executor: one Slurm job per cell, in arrays. Slurm holds the queue: the driver may end while jobs wait or run."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Generator
from collections.abc import Iterable
from itertools import islice
from multiprocessing import connection
from typing import Any

from dazoo.contracts import Executor
from dazoo.contracts import Job
from dazoo.contracts import Outcome
from dazoo.data.paths import cache_dir
from dazoo.data.paths import expanded
from dazoo.errors import SettingsError
from dazoo.processes import JobProcess
from dazoo.processes import stop


ARRAY = 1000
"""Most jobs of an array; Slurm's default limit is 1001."""

POLL = 1.0
"""Seconds between looks at the jobs (submitit itself asks Slurm once a minute and watches files in between)."""


class SubmititExecutor(Executor):
    """Runs cells through Slurm. A job that is preempted, or that nears its time limit, saves its state and is queued again.

    The results' folder must be one that all nodes see, or an object store, and so must `folder`.

    Args:
        workers: jobs in Slurm's hands at a time; 0 is as many as an array takes, and Slurm decides how many run.
        cluster: "slurm", or "local" for processes on this machine; unless given Slurm where there is one.
        folder: for job scripts and their logs; in dazoo's cache unless given.
        minutes: time limit of a job. A cell that needs longer goes on in the next one, at most three times.
        cpus, gpus: of a job; a cell that trains in several processes has as many GPUs, if any.
        parameters: any other of submitit's, such as slurm_partition="gpu", slurm_array_parallelism=8 or mem_gb=32. Memory is asked for as
            like cells have needed it, unless given.

    Raises:
        SettingsError: submitit is not installed, or knows no such parameter.
    """

    def __init__(
        self, workers: int = 0, cluster: str = "", folder: str = "", minutes: int = 240, cpus: int = 2, gpus: int = 0, **parameters: Any
    ) -> None:
        super().__init__(workers)
        if workers < 0 or minutes < 1 or cpus < 1 or gpus < 0:
            wrong = f"workers is {workers}, minutes {minutes}, cpus {cpus} and gpus {gpus}"
            raise SettingsError(f"{wrong}; expected 0 or more workers and gpus, 1 or more minutes and cpus.")
        try:
            import submitit
        except ImportError as exc:
            hint = "install it with: pip install 'dazoo-executors[slurm]'"
            raise SettingsError(f"The executor 'submitit' needs submitit ({exc}); {hint}.") from None
        self.cpus, self.gpus, self.memory_given = cpus, gpus, "mem_gb" in parameters or "slurm_mem" in parameters
        place = expanded(folder) if folder else cache_dir() / "submitit"
        cluster = cluster or ("slurm" if shutil.which("srun") else "local")
        try:
            self.slurm = submitit.AutoExecutor(folder=place / "%j", cluster=cluster)
            self.slurm.update_parameters(timeout_min=minutes, cpus_per_task=cpus, gpus_per_node=gpus, **parameters)
        except (NameError, ValueError, RuntimeError, TypeError) as exc:
            raise SettingsError(f"submitit does not take these settings: {exc}") from exc

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome, None, None]:
        queue, running = iter(jobs), dict[Any, Job]()
        try:
            while True:
                fresh = list(islice(queue, (self.workers or ARRAY) - len(running)))
                if fresh:
                    running.update(self._submit(fresh))
                if not running:
                    return
                ended = [handle for handle in running if handle.done()]
                for handle in ended:
                    yield Outcome(running.pop(handle), _error(handle))
                if not ended:
                    time.sleep(POLL)
        finally:
            for handle in running:
                handle.cancel(check=False)

    def _submit(self, jobs: list[Job]) -> dict[Any, Job]:
        """The jobs by submitit's handle of the Slurm job that runs each."""
        if not self.memory_given and all(job.memory for job in jobs):
            self.slurm.update_parameters(mem_gb=math.ceil(1.2 * max(job.memory for job in jobs) / 2**30))
        if self.gpus:
            self.slurm.update_parameters(gpus_per_node=max(self.gpus, *(job.devices for job in jobs)))
        with self.slurm.batch():
            handles = [self.slurm.submit(Host(job, self.cpus)) for job in jobs]
        return dict(zip(handles, jobs, strict=True))


class Host:
    """In a Slurm job: runs a job of ours in a process of its own. Called, it returns what went wrong, or None."""

    def __init__(self, job: Job, threads: int) -> None:
        self.job, self.threads = job, threads
        self._process: JobProcess | None = None

    def __call__(self) -> str | None:
        self._process = JobProcess(self.job, threads=self.threads)
        try:
            connection.wait([self._process.sentinel])
        except BaseException:  # cancelled
            stop([self._process])
            raise
        return self._process.outcome().error

    def checkpoint(self) -> Any:
        """Called by submitit when the Slurm job must make room: let ours save, and queue it again."""
        from submitit.helpers import DelayedSubmission

        if self._process is not None:
            stop([self._process])
        return DelayedSubmission(Host(self.job, self.threads))


def _error(handle: Any) -> str | None:
    from submitit.core.utils import FailedJobError
    from submitit.core.utils import UncompletedJobError

    try:
        return handle.result()
    except (FailedJobError, UncompletedJobError) as exc:
        return f"{type(exc).__name__}: {str(exc).strip().splitlines()[0]}"
