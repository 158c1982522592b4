"""The local executor: a process for each cell, forked from one that has imported torch already, packed by measured memory."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from importlib import import_module
from multiprocessing import connection
from pathlib import Path
from typing import Any

from dazoo.contracts import Executor
from dazoo.contracts import Outcome
from dazoo.contracts import Task
from dazoo.errors import Interrupted
from dazoo.errors import SettingsError


GRACE = 30.0
"""Seconds that a cell has to save its state after SIGTERM."""


@dataclass
class Place:
    """A GPU, or the machine's main memory, with what runs there: bytes that each process is expected to need.

    A cell of unknown need has a GPU alone, so that it cannot push a neighbour out of memory. Main memory is shared evenly.
    """

    gpu: str | None
    size: int
    expected: dict[int, int] = field(default_factory=dict)

    def room(self, task: Task, workers: int) -> int | None:
        """Bytes to set aside for the task, or None where it has to wait."""
        known = task.memory if self.gpu is None else task.device_memory
        want = min(int(1.2 * known) or (self.size // workers if self.gpu is None else self.size), self.size)
        return want if not self.expected or sum(self.expected.values()) + want <= self.size else None


@dataclass
class Running:
    process: Any
    task: Task
    place: Place
    heard: Any


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
        methods = multiprocessing.get_all_start_methods()
        self.context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            self.context.set_forkserver_preload(["dazoo.bench.train"])

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        queue, waiting, running = iter(tasks), None, dict[int, Running]()
        try:
            while True:
                waiting = next(queue, None) if waiting is None else waiting
                if waiting is not None and len(running) < self.workers and self._start(waiting, running):
                    waiting = None
                    continue
                if not running:
                    return
                for sentinel in connection.wait(list(running)):
                    yield self._end(running.pop(sentinel))
        finally:
            stop([r.process for r in running.values()])

    def _start(self, task: Task, running: dict[int, Running]) -> bool:
        """Start the task where there is room, most of it first."""
        for place in sorted(self.places, key=lambda p: sum(p.expected.values()) - p.size):
            want = place.room(task, self.workers)
            if want is None:
                continue
            heard, says = self.context.Pipe(duplex=False)
            threads = max(1, cores() // self.workers)
            process = self.context.Process(target=_child, args=(task, place.gpu, threads, self.limit, says))
            process.start()
            says.close()
            place.expected[process.sentinel] = want
            running[process.sentinel] = Running(process, task, place, heard)
            return True
        return False

    def _end(self, ended: Running) -> Outcome:
        ended.place.expected.pop(ended.process.sentinel)
        ended.process.join()
        code = ended.process.exitcode
        try:
            error = ended.heard.recv()
        except EOFError:
            error = f"its process ended with {signal.Signals(-code).name if code < 0 else f'exit code {code}'}"
        ended.heard.close()
        ended.process.close()
        return Outcome(ended.task, error)


def _child(task: Task, gpu: str | None, threads: int, limit: int, says: Any) -> None:
    """One cell, in a session of its own, so that whatever it starts ends with it. It says None, or what went wrong."""
    os.setsid()
    threading.Thread(target=_follow_parent, daemon=True).start()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver tells when to stop
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    else:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    module, _, name = task.function.partition(":")
    try:
        getattr(import_module(module), name)(task.arguments)
    except Interrupted:
        sys.exit(143)
    except BaseException as exc:
        says.send(f"{type(exc).__name__}: {exc}")
        sys.exit(1)
    says.send(None)


def _interrupt(*_: Any) -> None:
    raise Interrupted("stopped by SIGTERM")


def _follow_parent() -> None:
    """When the driver is gone, save and end as if it had said so."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(1)


def stop(processes: Iterable[Any]) -> None:
    """SIGTERM, some time to save, then SIGKILL: to each process with all that it has started."""
    processes = list(processes)
    ends = time.monotonic() + GRACE
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(max(0.0, ends - time.monotonic()))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()


def gpu_memory() -> dict[str, int]:
    """Bytes of each NVIDIA GPU that this process may use, by its number, without starting CUDA here; empty where there is none."""
    command = ["nvidia-smi", "--query-gpu=index,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    sizes = {index.strip(): int(size) * 2**20 for index, _, size in (line.partition(",") for line in answer.splitlines() if line)}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return sizes if visible is None else {i.strip(): sizes[i.strip()] for i in visible.split(",") if i.strip() in sizes}


def main_memory() -> int:
    """Bytes of main memory that this process may use."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))  # "max" where there is no limit
    return total


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
