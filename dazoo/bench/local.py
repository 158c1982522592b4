"""The local executor: a process for each cell on this machine, packed by measured memory."""

from __future__ import annotations

from collections.abc import Generator
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from multiprocessing import connection
from typing import cast

from dazoo.contracts import Executor
from dazoo.contracts import Job
from dazoo.contracts import Outcome
from dazoo.errors import ExecutorError
from dazoo.errors import SettingsError
from dazoo.processes import JobProcess
from dazoo.processes import cores
from dazoo.processes import gpu_memory
from dazoo.processes import main_memory
from dazoo.processes import stop


@dataclass
class Place:
    """A GPU, or the machine's main memory, with what runs there: bytes that each process is expected to need.

    A cell of unknown need has a GPU alone, so that it cannot push a neighbour out of memory. Main memory is shared evenly.
    """

    gpu: str | None
    size: int
    expected: dict[int, int] = field(default_factory=dict)

    def room(self, job: Job, workers: int) -> int | None:
        """Bytes to set aside for the job, or None where it has to wait."""
        if self.gpu is not None and job.devices > 1:
            return None if self.expected else self.size
        known = job.memory if self.gpu is None else job.device_memory
        want = min(int(1.2 * known) or (self.size // workers if self.gpu is None else self.size), self.size)
        return want if not self.expected or sum(self.expected.values()) + want <= self.size else None


class LocalExecutor(Executor):
    """Runs cells on this machine.

    Args:
        workers: cells at a time; unless given as many as there are cores, or, with GPUs, as fit into their memory, at most one a core.
        memory: bytes of data that one cell may have, main memory; more is an error of the cell's own. 0 is nearly the whole machine.
    """

    def __init__(self, workers: int = 0, memory: int = 0) -> None:
        super().__init__(workers)
        if workers < 0 or memory < 0:
            raise SettingsError(f"workers is {workers} and memory {memory}; expected 0 (chosen here) or more.")
        self.workers = workers or cores()
        self.places = [Place(gpu, size) for gpu, size in gpu_memory().items()] or [Place(None, main_memory())]
        self.limit = memory or int(0.9 * main_memory())

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome, None, None]:
        queue, waiting, running = iter(jobs), None, dict[int, tuple[JobProcess, list[Place]]]()
        try:
            while True:
                if waiting is None and len(running) < self.workers:  # what is drawn counts as running
                    waiting = next(queue, None)
                if waiting is not None and self._start(waiting, running):
                    waiting = None
                    continue
                if not running:
                    return
                for sentinel in cast("list[int]", connection.wait(list(running))):  # some of what it was given
                    process, places = running.pop(sentinel)
                    for place in places:
                        place.expected.pop(sentinel)
                    yield process.outcome()
        finally:
            stop([process for process, _ in running.values()])

    def _start(self, job: Job, running: dict[int, tuple[JobProcess, list[Place]]]) -> bool:
        """Start the job where there is room, most of it first.

        Raises:
            ExecutorError: it wants more GPUs than there are.
        """
        gpus = [place.gpu for place in self.places if place.gpu is not None]
        wanted = job.devices if gpus else 1
        if wanted > len(self.places):
            raise ExecutorError(f"{job.title} wants {wanted} GPUs, and this machine has {len(gpus)}; use as many, or another executor.")
        emptiest = sorted(self.places, key=lambda p: sum(p.expected.values()) - p.size)
        fits = [(place, room) for place in emptiest if (room := place.room(job, self.workers)) is not None][:wanted]
        if len(fits) < wanted:
            return False
        where = {"environment": {"CUDA_VISIBLE_DEVICES": ",".join(str(p.gpu) for p, _ in fits)}} if gpus else {"memory": self.limit}
        process = JobProcess(job, threads=max(1, cores() // self.workers), **where)
        for place, room in fits:
            place.expected[process.sentinel] = room
        running[process.sentinel] = process, [place for place, _ in fits]
        return True
