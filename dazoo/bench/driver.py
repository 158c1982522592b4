"""The driver: runs what is missing of a list of cells, and keeps count. It may die at any moment; the same command goes on."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from dazoo.bench.assignment import Assignment
from dazoo.bench.cells import Cell
from dazoo.bench.estimate import Measured
from dazoo.bench.fields import Error
from dazoo.bench.store import Store
from dazoo.bench.stores import FolderStore
from dazoo.contracts import Executor
from dazoo.contracts import Job
from dazoo.contracts import Outcome
from dazoo.contracts.origin import called
from dazoo.data.paths import cache_dir
from dazoo.data.paths import expanded
from dazoo.errors import DazooError
from dazoo.errors import ExecutorError
from dazoo.errors import StoreError
from dazoo.lease import Watcher


ATTEMPTS = 3
"""Times that a cell is tried, over all commands, before it is left as failed."""

POLL = 0.5
"""Seconds between looks at cells that other drivers have in hand."""


@dataclass
class Count:
    """Where a run stands.

    Attributes:
        total: cells asked for. kept: finished before. done: finished now.
        errors: what went wrong with each cell that is left as failed, by its path.
        numbers: accuracy on the target, of the chosen and of the last epoch, of each cell that was finished now, as they ended; None where
            its record has none.
        running: start (monotonic seconds) of each cell that was handed out, by its path.
    """

    total: int
    kept: int = 0
    done: int = 0
    errors: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)
    running: dict[str, float] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """Cells that have not ended."""
        return self.total - self.kept - self.done - len(self.errors)


@dataclass(frozen=True)
class Driver:
    """Runs cells.

    Args:
        store: where finished cells are kept.
        executor: where cells run.
        data, source, target, device, weights, trainer: see `dazoo.bench.assignment.Assignment`.
        needs: what a cell will probably need (memory), or None.
        attempts: see ATTEMPTS.
        processes: that train a cell together, on a GPU each.
        watch: called with the count after every change.
        work: see `work_folder`.
    """

    store: Store
    executor: Executor
    data: str | None = None
    device: str = "auto"
    weights: bool = True
    trainer: str = "dazoo.bench.train:train"
    needs: Callable[[Cell], Measured | None] = lambda cell: None
    attempts: int = ATTEMPTS
    processes: int = 1
    watch: Callable[[Count], None] = lambda count: None
    work: Path | None = None
    source: str | None = None
    target: str | None = None

    def run(self, cells: Sequence[Cell]) -> Count:
        """Run what is missing, each cell once, cells whose process died again, until none is left that this driver can run."""
        finished = self.store.finished()
        count = Count(len(cells))
        todo = {cell.path: cell for cell in cells if cell.path not in finished}
        count.kept = len(cells) - len(todo)
        tried = {path: self._tried(path) for path in self.store.failed() & todo.keys()}
        for path in [p for p, (times, _) in tried.items() if times >= self.attempts]:
            count.errors[path] = tried[path][1]
            del todo[path]
        times = {path: tried.get(path, (0, ""))[0] for path in todo}
        watcher = Watcher()
        self._clear(finished, watcher)
        self.watch(count)
        while todo:
            ready = [cell for cell in todo.values() if self._free(cell.id, watcher)]
            with closing(self._outcomes(self._jobs(ready, times, count))) as outcomes:
                for outcome in outcomes:
                    self._took(outcome, todo, times, count)
                    self.watch(count)
            if todo and not ready:
                time.sleep(POLL)
                for path in [p for p in todo if self.store.has(p)]:  # another driver finished them
                    del todo[path]
                    count.done += 1
                self.watch(count)
        return count

    def _outcomes(self, jobs: Iterable[Job]) -> Generator[Outcome, None, None]:
        """What the executor yields; what its own code raises is told with its name.

        Raises:
            ExecutorError: it fails, or yields something else.
        """
        with closing(self.executor.run(jobs)) as outcomes:
            try:
                for outcome in outcomes:
                    if not isinstance(outcome, Outcome):
                        raise TypeError(f"it yields a {type(outcome).__name__}; expected an Outcome")
                    yield outcome
            except (DazooError, OSError, MemoryError):
                raise
            except Exception as exc:
                who = called(self.executor)
                raise ExecutorError(f"The {who} fails: {type(exc).__name__}: {exc}. What is finished is kept; take another one.") from exc

    def _tried(self, path: str) -> tuple[int, str]:
        """How often a cell has failed, and of what."""
        record = self.store.failure(path)
        return (0, "") if record is None or record.error is None else (record.attempts, f"{record.error.type}: {record.error.message}")

    def _numbers(self, path: str) -> tuple[float | None, float | None]:
        """What a finished cell's record says, for the person who watches; the report reads it again, and says what is wrong with it."""
        try:
            numbers = self.store.record(path).numbers
        except (DazooError, OSError):
            return None, None
        return numbers.chosen, numbers.last

    def _clear(self, finished: Iterable[str], watcher: Watcher) -> None:
        """Remove what is left of cells whose process was killed after it had committed them."""
        work = work_folder(self.store, self.work)
        left = {folder.name for folder in work.iterdir()} if work.is_dir() else set()
        for id in left & {path.rpartition("-")[2] for path in finished}:
            if self._free(id, watcher):
                shutil.rmtree(work / id, ignore_errors=True)

    def _free(self, id: str, watcher: Watcher) -> bool:
        """Whether nobody works on the cell; a stale lease is broken here."""
        lease = work_folder(self.store, self.work) / id / "lease"
        if watcher.stale(lease):
            watcher.break_(lease)
        return not lease.exists()

    def _jobs(self, cells: Sequence[Cell], times: Mapping[str, int], count: Count) -> Iterator[Job]:
        for cell in cells:
            count.running[cell.path] = time.monotonic()
            self.watch(count)
            needs = self.needs(cell)
            yield Job(
                id=cell.path,
                title=f"{cell.name} seed {cell.seed}",
                function="dazoo.bench.work:run_cell",
                arguments=asdict(self._assignment(cell, times[cell.path])),
                memory=needs.memory * self.processes if needs else 0,
                device_memory=needs.device_memory if needs else 0,
                preload=(self.trainer.partition(":")[0], *self.store.preload),
                devices=self.processes,
            )

    def _assignment(self, cell: Cell, times: int) -> Assignment:
        return Assignment(
            cell=cell,
            store=self.store.address,
            work=str(work_folder(self.store, self.work)),
            data=self.data,
            device=self.device,
            weights=self.weights,
            trainer=self.trainer,
            attempts=times,
            processes=self.processes,
            source=self.source,
            target=self.target,
        )

    def _took(self, outcome: Outcome, todo: dict[str, Cell], times: dict[str, int], count: Count) -> None:
        """Look into the store, whatever the outcome: only the store decides whether a cell is finished.

        Raises:
            StoreError: nothing more can be written, so the other cells are stopped too.
        """
        path = outcome.job.id
        count.running.pop(path, None)
        if self.store.has(path):
            del todo[path]
            count.done += 1
            count.numbers[path] = self._numbers(path)
        elif outcome.error is not None and outcome.error.startswith(f"{StoreError.__name__}: "):
            raise StoreError(outcome.error.partition(": ")[2])
        elif outcome.error is not None:
            times[path] += 1
            record = self.store.failure(path)
            recorded = record is not None and record.attempts == times[path]
            if recorded or times[path] >= self.attempts:
                count.errors[path] = outcome.error
                if not recorded:  # its process died before it could say anything
                    from dazoo.bench.work import failure  # imports torch, which a look at a grid should not wait for

                    self.store.fail(path, failure(self._assignment(todo[path], times[path] - 1), Error("Died", outcome.error, "")))
                del todo[path]
        # else: it was stopped, or another process works on it; the next round sees to it


def work_folder(store: Store, work: Path | None = None) -> Path:
    """Where checkpoints, leases and logs are: in `work`, else in the store's folder, or in this machine's cache where it is no folder.

    Machines that share an object store and no such folder may run a cell twice (it is committed once), and none goes on from the
    checkpoint of another.
    """
    if work is not None:
        return expanded(work).absolute()
    if isinstance(store, FolderStore):
        return store.root / "work"
    return cache_dir() / "bench" / hashlib.sha256(store.address.encode()).hexdigest()[:12]
