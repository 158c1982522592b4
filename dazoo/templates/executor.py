"""An executor: where the cells of a benchmark run. This one runs some processes at a time on this machine."""

from __future__ import annotations

from collections.abc import Generator
from collections.abc import Iterable
from multiprocessing import connection
from typing import cast

from dazoo.contracts import Executor
from dazoo.contracts import Job
from dazoo.contracts import Outcome
from dazoo.processes import JobProcess
from dazoo.processes import stop


class MyThing(Executor):
    """Runs `workers` jobs at a time; `dazoo bench run ... --executor my_thing --workers 2`."""

    def run(self, jobs: Iterable[Job]) -> Generator[Outcome, None, None]:
        queue, running = iter(jobs), dict[int, JobProcess]()
        try:
            while True:
                while len(running) < (self.workers or 1) and (job := next(queue, None)) is not None:
                    process = JobProcess(job)
                    running[process.sentinel] = process
                if not running:
                    return
                for sentinel in connection.wait(list(running)):
                    yield running.pop(cast("int", sentinel)).outcome()
        finally:  # the loop over the outcomes was left
            stop(running.values())
