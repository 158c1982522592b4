"""The executor contract: where the cells of a benchmark run. It needs no fault tolerance: what is missing runs when asked again."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """One cell to run, as plain values that any transport carries.

    Attributes:
        id: the cell's.
        title: for people.
        function: "module:function", called with `arguments` in a process of its own; it returns nothing and commits what it found.
        arguments: JSON values.
        memory: bytes of main memory that it is expected to need; 0 where nothing like it has been measured.
        device_memory: bytes of a GPU's memory, likewise.
        devices: GPUs that it uses, where there are any. More than one it has to itself; one it may share.
        preload: modules that the function will import; `dazoo.processes.TaskProcess` imports them once for all tasks.
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
    """How a task ended: `error` is None where its function returned or was stopped, else what is known (an exit code, a lost worker).

    An error is an attempt that counts against the task; after a few it is given up. What ended for no fault of the task's (a preemption, a
    node that is gone) has none: the task is handed out again.
    """

    task: Task
    error: str | None = None


class Executor:
    """Runs tasks, each in a process of its own, in any order.

    Args:
        workers: tasks at a time; 0 lets the executor choose.
    """

    def __init__(self, workers: int = 0) -> None:
        self.workers = workers

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Run every task and yield its outcome when it has ended. Tasks are drawn when there is room for them.

        Closing the iterator (`close()`, or an exception in the loop over it) stops what still runs: first by SIGTERM, which saves a
        checkpoint, and after a while by SIGKILL.

        Raises:
            dazoo.errors.ExecutorError: where the tasks should run is gone, so that no other one would run either.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement run(tasks).")
