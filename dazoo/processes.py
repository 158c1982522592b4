"""A job in a process of its own, for executors: forked from a server that has imported the job's modules already, and never left behind.

Whatever hands a job to a machine (a pool, Ray, Slurm) runs it there through `JobProcess`, so that a cell that crashes, leaks or keeps
a GPU's memory takes nothing else with it, and so that stopping means the same everywhere: SIGTERM, time to save, SIGKILL.
"""

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
from collections.abc import Mapping
from importlib import import_module
from multiprocessing import connection
from pathlib import Path
from types import ModuleType
from typing import Any

from dazoo.contracts.executor import Job
from dazoo.contracts.executor import Outcome
from dazoo.errors import Interrupted


GRACE = 30.0
"""Seconds that a job has to save its state after SIGTERM."""

_OURS = (__name__, "multiprocessing.popen_forkserver")
"""Modules that every child needs, whatever its job imports."""


class JobProcess:
    """A running job, in a process session of its own.

    Args:
        job: what to run.
        threads: of the processor that it may use.
        memory: bytes of data that it may have, main memory; more is a MemoryError of its own. 0: no limit.
        environment: variables that hold in it, such as CUDA_VISIBLE_DEVICES.

    Attributes:
        job: as given.
        sentinel: ready (for `multiprocessing.connection.wait`) when the process has ended.
    """

    def __init__(self, job: Job, *, threads: int = 1, memory: int = 0, environment: Mapping[str, str] | None = None) -> None:
        forked = "forkserver" in multiprocessing.get_all_start_methods()
        context: Any = multiprocessing.get_context("forkserver" if forked else "spawn")
        if forked:  # only the first job's list counts: the server starts with it
            context.set_forkserver_preload([*_OURS, job.function.partition(":")[0], *job.preload])
        self.job = job
        self._answer, answers = context.Pipe(duplex=False)
        variables = {"OMP_NUM_THREADS": str(threads), **(environment or {})}
        self._process: Any = context.Process(target=_child, args=(job, variables, threads, memory, answers))
        with _no_main():
            self._process.start()
        answers.close()
        self.sentinel: int = self._process.sentinel

    def outcome(self) -> Outcome:
        """How the job ended; waits for its end. A job that was stopped has no error: it goes on when it is run again."""
        self._process.join()
        code = self._process.exitcode
        try:
            error = self._answer.recv()
        except EOFError:
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            error = None if how == "SIGTERM" else f"its process ended with {how}"
        self._answer.close()
        self._process.close()
        return Outcome(self.job, error)


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    """Keeps the new process from running the main script again, which costs its imports and asks scripts for a guard."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def stop(running: Iterable[JobProcess]) -> None:
    """End jobs with all that they have started: SIGTERM, `GRACE` seconds to save, SIGKILL."""
    processes = [r._process for r in running]
    ends = time.monotonic() + GRACE
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(max(0.0, ends - time.monotonic()))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()


def _child(job: Job, variables: Mapping[str, str], threads: int, memory: int, answers: Any) -> None:
    """Run the job, and answer None or what went wrong."""
    os.setsid()
    threading.Thread(target=_follow_parent, daemon=True).start()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it tells when to stop
    os.environ.update(variables)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    module, _, name = job.function.partition(":")
    try:
        getattr(import_module(module), name)(job.arguments)
    except Interrupted:
        pass
    except BaseException as exc:
        _answer(answers, f"{type(exc).__name__}: {exc}")
        sys.exit(1)
    _answer(answers, None)


def _answer(answers: Any, error: str | None) -> None:
    """Send the driver what went wrong. A driver that was killed reads no answer; the store has the cell all the same."""
    with contextlib.suppress(BrokenPipeError):
        answers.send(error)


def _interrupt(*_: Any) -> None:
    raise Interrupted("stopped by SIGTERM")


def _follow_parent() -> None:
    """When who started it is gone, save and end as if told so."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(1)


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
