"""Where the cells of a benchmark run: the jobs that the driver hands out, and the executor that runs them."""

from __future__ import annotations

from collections.abc import Generator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Job:
    """One cell to run, as plain values that any transport carries.

    Attributes:
        id: the cell's.
        title: for people.
        function: "module:function", called with `arguments` in a process of its own; it returns nothing and commits what it found.
        arguments: JSON values.
        memory: bytes of main memory that it is expected to need; 0 where nothing like it has been measured.
        device_memory: bytes of a GPU's memory, likewise.
        devices: GPUs that it uses, where there are any. A job shares its GPU with others if it needs one; it has several to itself.
        preload: modules that the function will import; `dazoo.processes.JobProcess` imports them once for all jobs.
    """

    id: str
    title: str
    function: str
    arguments: dict[str, Any]
    memory: int = 0
    device_memory: int = 0
    preload: tuple[str, ...] = ()
    devices: int = 1


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        job: as it was handed out.
        error: None where its function returned or was stopped, else what is known (an exit code, a lost worker). An error is an attempt
            that counts against the job; after a few the driver gives it up. A job that ended through no fault of its own (a preemption,
            a lost node) has no error, and the driver hands it out again.
    """

    job: Job
    error: str | None = None


class Executor:
    """Runs jobs, each in a process of its own, in any order.

    Args:
        workers: jobs at a time; 0 lets the executor choose.
    """

    def __init__(self, workers: int = 0) -> None:
        self.workers = workers

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome, None, None]:
        """Run every job and yield its outcome when it has ended. The next job is drawn when there is room for it.

        Closing the iterator (`close()`, or an exception in the loop over it) stops the jobs that still run: first by SIGTERM, which saves
        a checkpoint, and after a while by SIGKILL.

        Raises:
            dazoo.errors.ExecutorError: the place where jobs run is gone, so that no other job would run either.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement run(jobs).")
