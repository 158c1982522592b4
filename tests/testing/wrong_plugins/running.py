"""Wrong executors and loggers."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing import connection

from dazoo.contracts import Executor
from dazoo.contracts import Logger
from dazoo.contracts import Outcome
from dazoo.processes import JobProcess
from dazoo.processes import stop
from wrong_plugins import Collection


executors, loggers = Collection("executor"), Collection("logger")


class Pool(Executor):
    """Sound: the one of the guide. The wrong ones below change one thing."""

    def run(self, jobs):
        queue, running = iter(jobs), {}
        try:
            while True:
                while len(running) < (self.workers or 1) and (job := next(queue, None)) is not None:
                    process = JobProcess(job)
                    running[process.sentinel] = process
                if not running:
                    return
                for sentinel in connection.wait(list(running)):
                    yield running.pop(sentinel).outcome()
        finally:
            stop(running.values())


@executors("nothing_to_do_is_done", "yields outcomes of no jobs")
class YieldsForNothing(Pool):
    def run(self, jobs):
        jobs = list(jobs)
        yield from super().run(jobs) if jobs else [None]


@executors("runs_every_job_once_in_a_process_of_its_own", "yields []", "expected 0 to 3")
class DoesNothing(Pool):
    def run(self, jobs):
        yield from ()


@executors("runs_every_job_once_in_a_process_of_its_own", "the driver is")
class WorksInTheDriver(Pool):
    def run(self, jobs):
        from pkgutil import resolve_name

        for job in jobs:
            resolve_name(job.function)(job.arguments)
            yield Outcome(job)


@executors("says_what_went_wrong", "None; expected the exception's type and message")
class SwallowsErrors(Pool):
    def run(self, jobs):
        for outcome in super().run(jobs):
            yield replace(outcome, error=None)


@executors("a_stopped_job_has_no_error", "of a job that was stopped")
class CallsAStoppedJobFailed(Pool):
    def run(self, jobs):
        for outcome in super().run(jobs):
            yield replace(outcome, error=outcome.error or "it ended")


@executors("runs_as_many_at_a_time_as_it_is_told", "drew 6 of 6 jobs before the first had ended")
class DrawsEverythingAhead(Pool):
    def run(self, jobs):
        yield from super().run(list(jobs))


left: list[JobProcess] = []


@executors("closing_stops_what_runs", "waited", "in vain")
class LeavesWhatRuns(Pool):
    def run(self, jobs):
        for job in jobs:
            left.append(JobProcess(job))
        while left:
            for sentinel in connection.wait([process.sentinel for process in left]):
                done = next(process for process in left if process.sentinel == sentinel)
                left.remove(done)
                yield done.outcome()


class Quiet(Logger):
    """Sound; the wrong ones below change one event."""


@loggers("takes_every_event", "stage() fails", "KeyError", "left out")
class KnowsOneStage(Quiet):
    def stage(self, stage):
        _ = {"train": 1}[stage.name]


@loggers("takes_every_event", "picture() fails", "NotADirectoryError")
class WritesBesideThePicture(Quiet):
    def picture(self, name, file):
        (file / "copy.png").write_bytes(b"")


@loggers("takes_every_event", "begin() fails", "TypeError")
class TakesNothing(Quiet):
    def begin(self):
        pass


@loggers("takes_a_run_that_goes_on", "begin() fails", "FileExistsError")
class RefusesToGoOn(Quiet):
    def begin(self, run):
        (run.folder / "log").mkdir()


@loggers("takes_odd_values", "epoch() fails", "OverflowError")
class RoundsScores(Quiet):
    def epoch(self, at, scores, terms):
        for score in scores.values():
            int(100 * score)


@loggers("takes_odd_values", "epoch() fails", "KeyError: 'entropy'")
class WantsAScore(Quiet):
    def epoch(self, at, scores, terms):
        if "entropy" not in terms:
            return
        _ = scores["entropy"]


RIGHT = {"executor": [Pool], "logger": [Quiet]}
