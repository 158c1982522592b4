"""The ray executor: one Ray task per cell. Ray finds the machine; the cell runs there in a process of its own.

Ray's worker only starts that process and waits. So it stays warm from cell to cell (its fork server has torch imported), and a cell that
crashes, leaks or keeps a GPU's memory leaves nothing in it. Nothing is retried by Ray: the driver sees from the store what is missing.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Generator
from collections.abc import Iterable
from multiprocessing import connection
from typing import Any

from dazoo.contracts import Executor
from dazoo.contracts import Job
from dazoo.contracts import Outcome
from dazoo.errors import ExecutorError
from dazoo.errors import SettingsError
from dazoo.processes import GRACE
from dazoo.processes import JobProcess
from dazoo.processes import gpu_memory
from dazoo.processes import main_memory
from dazoo.processes import stop


POLL = 0.2
"""Seconds between looks at whether Ray has cancelled a task."""


class RayExecutor(Executor):
    """Runs cells on a Ray cluster that exists, or on one of this machine's own that ends with the command.

    The results' folder must be one that all nodes see, or an object store; dazoo and its plugins must be installed on each node in the same
    versions. Variables of this process that begin with DAZOO_ hold in every cell.

    Args:
        workers: cells at a time; 0 is as many as the cluster has room for, also when it grows.
        cpus: processor cores per cell.
        address: of the cluster, "host:port" or "ray://host:port"; unless given RAY_ADDRESS, then a cluster on this machine, then a new one.

    Raises:
        SettingsError: Ray is not installed, or there is no cluster at the address.
    """

    def __init__(self, workers: int = 0, cpus: int = 1, address: str = "") -> None:
        super().__init__(workers)
        if workers < 0 or cpus < 1:
            raise SettingsError(f"workers is {workers} and cpus {cpus}; expected 0 (chosen here) or more, and 1 or more.")
        self.cpus, self.address = cpus, address
        self._ray: Any = None
        self._host: Any = None
        self._gpu = 0

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome, None, None]:
        queue, running = iter(jobs), dict[Any, Job]()
        ray = self._connected()
        try:
            while True:
                while len(running) < self._room() and (job := next(queue, None)) is not None:
                    running[self._submit(job)] = job
                if not running:
                    return
                for ended in ray.wait(list(running), num_returns=1, timeout=5)[0]:  # a look at the cluster's size now and then
                    yield Outcome(running.pop(ended), self._error(ended))
        finally:
            for reference in running:
                ray.cancel(reference)
            ray.wait(list(running), num_returns=len(running), timeout=GRACE + 5) if running else None

    def _connected(self) -> Any:
        if self._ray is None:
            try:
                import ray
            except ImportError as exc:
                raise SettingsError(f"The executor 'ray' needs Ray ({exc}); install it with: pip install 'dazoo-executors[ray]'.") from None
            if not ray.is_initialized():
                try:
                    ray.init(self.address or None, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
                except (ConnectionError, ValueError, RuntimeError) as exc:
                    hint = "A cluster that asks for a token is reached with RAY_AUTH_MODE=token in the environment."
                    raise SettingsError(f"There is no Ray cluster at {self.address or 'RAY_ADDRESS'!r}: {exc}. {hint}") from exc
            self._ray = ray
            # One function for all tasks: Ray's workers fetch each new one. A worker holds no GPU memory, so it may be used again.
            self._host = ray.remote(max_retries=0, max_calls=0)(host)
            if ray.cluster_resources().get("GPU"):
                self._gpu = ray.get(ray.remote(num_gpus=0.01)(smallest_gpu).remote())
        return self._ray

    def _room(self) -> int:
        """Cells to have in Ray's hands."""
        return self.workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)) // self.cpus)

    def _submit(self, job: Job) -> Any:
        largest = max((node["Resources"].get("memory", 0.0) for node in self._ray.nodes() if node["Alive"]), default=0.0)
        options = {
            "num_cpus": self.cpus,
            "num_gpus": self._share(job),
            "memory": int(min(1.2 * job.memory, largest)),
            "name": job.title,
        }
        variables = {key: value for key, value in os.environ.items() if key.startswith("DAZOO_")}
        return self._host.options(**options).remote(job, self.cpus, variables)

    def _share(self, job: Job) -> float:
        """Part of a GPU: what it needs, by its memory; a whole one where that is not known, or several."""
        if not self._ray.cluster_resources().get("GPU"):
            return 0.0
        if job.devices > 1:
            return float(job.devices)
        return min(1.0, math.ceil(120 * job.device_memory / self._gpu) / 100 or 1.0) if self._gpu else 1.0

    def _error(self, ended: Any) -> str | None:
        try:
            return self._ray.get(ended)
        except self._ray.exceptions.NodeDiedError:  # of the cell's node: it runs on another one
            return None
        except self._ray.exceptions.LocalRayletDiedError as exc:  # of the driver's own node
            raise ExecutorError("Ray has ended on this machine. Start it again, and give the same command; it goes on.") from exc
        except self._ray.exceptions.RayError as exc:
            return f"{type(exc).__name__}: {str(exc).strip().splitlines()[0]}"


def host(job: Job, threads: int, variables: dict[str, str]) -> str | None:
    """In a Ray worker: run the job in a process, and say what went wrong, or None."""
    import ray

    gpus = ",".join(str(gpu) for gpu in ray.get_gpu_ids())
    if gpus:
        process = JobProcess(job, threads=threads, environment={**variables, "CUDA_VISIBLE_DEVICES": gpus})
    else:
        process = JobProcess(job, threads=threads, memory=int(0.9 * main_memory()), environment=variables)
    try:
        while not connection.wait([process.sentinel], POLL):  # Ray cancels by an exception, which cannot break into a longer wait
            pass
    except BaseException:
        stop([process])
        raise
    return process.outcome().error


def smallest_gpu() -> int:
    """In a Ray worker: bytes of the smallest GPU of its node, 0 where that is not known."""
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    return min(gpu_memory().values(), default=0)
