"""Clauses for an executor, and the jobs that they run: all in processes of their own, on the machine of the test."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dazoo.contracts import Executor
from dazoo.contracts import Job
from dazoo.errors import Interrupted
from dazoo.registry.plugins import zoo


WAIT = 60.0
"""Seconds after which something that should have happened has not."""


def runs_every_job_once_in_a_process_of_its_own(name: str, settings: dict[str, Any]) -> None:
    """Each job yields one outcome without an error; no two share a process, and none runs in the driver's."""
    with _folder() as folder:
        outcomes = list(_executor(name, settings).run(_job(leave_the_pid, folder, i) for i in range(4)))
        assert sorted(o.job.id for o in outcomes) == list("0123"), f"{name} yields {[o.job.id for o in outcomes]}; expected 0 to 3."
        assert not any(o.error for o in outcomes), f"{name}: {[o.error for o in outcomes if o.error]}; expected no error."
        pids = [(folder / number).read_text() for number in "0123"]
        assert len({*pids, str(os.getpid())}) == 5, f"{name}: jobs ran in the processes {pids}, the driver is {os.getpid()}."


def nothing_to_do_is_done(name: str, settings: dict[str, Any]) -> None:
    """No job, no outcome, at once; and the same executor runs again."""
    executor = _executor(name, settings)
    assert list(executor.run([])) == [] and list(executor.run([])) == [], f"{name} yields outcomes of no jobs."


def says_what_went_wrong(name: str, settings: dict[str, Any]) -> None:
    """A job that raises, and one whose process is killed, end with an error; the others run."""
    with _folder() as folder:
        jobs = [_job(f, folder, i) for i, f in enumerate((raise_an_error, leave_the_pid, be_killed, leave_the_pid))]
        errors = {o.job.id: o.error for o in _executor(name, settings).run(jobs)}
    assert "ValueError: a message" in (errors["0"] or ""), f"{name}: {errors['0']!r}; expected the exception's type and message."
    assert errors["2"], f"{name} says nothing of a job whose process was killed."
    assert errors["1"] is None and errors["3"] is None, f"{name}: {errors}; expected errors of jobs 0 and 2 alone."


def a_stopped_job_has_no_error(name: str, settings: dict[str, Any]) -> None:
    """A job that saved its state after SIGTERM has not failed: it is handed out again."""
    with _folder() as folder:
        (outcome,) = _executor(name, settings).run([_job(be_stopped, folder, 0)])
        assert (folder / "0").read_text() == "saved", f"{name}: SIGTERM did not reach the job as an Interrupted."
        assert outcome.error is None, f"{name}: {outcome.error!r} of a job that was stopped; expected None."


def runs_as_many_at_a_time_as_it_is_told(name: str, settings: dict[str, Any]) -> None:
    """With two workers, two jobs that wait for each other both end, and no more than that are drawn ahead."""
    drawn = 0

    def jobs(folder: Path) -> Iterator[Job]:
        nonlocal drawn
        for i in range(6):
            drawn += 1
            yield _job(wait_for_a_neighbour, folder, i)

    with _folder() as folder:
        seen = []
        for outcome in _executor(name, settings).run(jobs(folder)):
            assert outcome.error is None, f"{name}: {outcome.error}; two jobs did not run at a time."
            seen.append(drawn)
        assert seen[0] <= 4, f"{name} drew {seen[0]} of 6 jobs before the first had ended; expected them when there is room for two."


def closing_stops_what_runs(name: str, settings: dict[str, Any]) -> None:
    """When the loop over the outcomes is left, jobs get SIGTERM and time to save, and none is alive after."""
    with _folder() as folder:
        outcomes = _executor(name, settings).run([_job(leave_the_pid, folder, 0), _job(run_until_stopped, folder, 1)])
        next(outcomes)
        _wait_for(lambda: (folder / "1").exists())
        outcomes.close()
        _wait_for(lambda: (folder / "1").read_text().endswith("saved"))
        pid = int((folder / "1").read_text().split()[0])
        _wait_for(lambda: not Path(f"/proc/{pid}").exists())


def leave_the_pid(arguments: Mapping[str, Any]) -> None:
    Path(arguments["file"]).write_text(str(os.getpid()))


def raise_an_error(arguments: Mapping[str, Any]) -> None:
    raise ValueError("a message")


def be_killed(arguments: Mapping[str, Any]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def be_stopped(arguments: Mapping[str, Any]) -> None:
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(WAIT)
    except Interrupted:
        Path(arguments["file"]).write_text("saved")
        raise


def run_until_stopped(arguments: Mapping[str, Any]) -> None:
    file = Path(arguments["file"])
    try:
        file.write_text(f"{os.getpid()} runs")
        time.sleep(2 * WAIT)
    except Interrupted:
        file.write_text(f"{os.getpid()} saved")
        raise


def wait_for_a_neighbour(arguments: Mapping[str, Any]) -> None:
    """Ends when job 2k and job 2k + 1 have both begun."""
    file = Path(arguments["file"])
    file.touch()
    _wait_for(file.with_name(str(int(file.name) ^ 1)).exists)


def _executor(name: str, settings: dict[str, Any]) -> Executor:
    return zoo().executors.build(name, **{"workers": 2, **settings})


def _job(function: Callable[[Mapping[str, Any]], None], folder: Path, number: int) -> Job:
    return Job(str(number), f"job {number}", f"{__name__}:{function.__name__}", {"file": str(folder / str(number))})


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _wait_for(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + WAIT
    while not happened():
        assert time.monotonic() < ends, f"waited {WAIT:.0f} s in vain"
        time.sleep(0.02)
