"""The driver with the local executor: every cell once, failures kept, deaths retried, nothing lost."""

from __future__ import annotations

import errno
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import fake
from dazoo.bench.driver import Count
from dazoo.bench.driver import Driver
from dazoo.bench.driver import work_folder
from dazoo.bench.fields import Batch
from dazoo.bench.local import LocalExecutor
from dazoo.bench.local import Place
from dazoo.bench.stores import FolderStore
from dazoo.bench.stores import open_store
from dazoo.contracts import Executor
from dazoo.contracts import Job
from dazoo.contracts import Outcome
from dazoo.errors import ExecutorError
from dazoo.errors import SettingsError
from dazoo.errors import StoreError
from dazoo.lease import Lease


class Here(Executor):
    """Runs jobs in this process, and counts them."""

    ran: list[str] = []

    def run(self, jobs):
        from dazoo.bench.work import run_cell

        for job in jobs:
            self.ran.append(job.id)
            try:
                run_cell(job.arguments)
            except Exception as exc:
                yield Outcome(job, f"{type(exc).__name__}: {exc}")
            else:
                yield Outcome(job)


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr(Here, "ran", [])
    return Here()


def drive(root: Path | str, cells, executor, **options) -> Count:
    return Driver(open_store(root), executor, trainer=fake.TRAINER, **options).run(cells)


def test_finished_cells_never_run_again(tmp_path, here):
    assert drive(tmp_path, fake.cells(3), here).done == 3
    count = drive(tmp_path, fake.cells(5), here)
    assert (count.total, count.kept, count.done, count.left) == (5, 3, 2, 0)
    assert len(here.ran) == 5
    assert fake.faults(tmp_path, fake.cells(5)) == []
    assert list((tmp_path / "work").iterdir()) == []


def test_a_plugin_that_raises_costs_its_cell_alone_and_is_kept(tmp_path, here):
    cells = [*fake.cells(2), *fake.cells(1, steps=9, **{"raise": 7})]
    for attempt in (1, 2, 3, 3):
        count = drive(tmp_path, cells, here)
        assert count.kept + count.done == 2 and list(count.errors) == [cells[2].path]
        record = open_store(tmp_path).failure(cells[2].path)
        assert record.attempts == attempt
        assert record.error.type == "ValueError" and "step 7" in record.error.message
        assert "raise ValueError" in record.error.traceback
    assert here.ran.count(cells[2].path) == 3


def test_out_of_memory_halves_the_batch_and_says_so(tmp_path, here, monkeypatch):
    class Full:
        def __init__(self, *_):
            raise MemoryError("no memory")

    monkeypatch.setattr(fake, "bytearray", Full, raising=False)
    cells = fake.cells(1, leak=0, fits=4)
    assert drive(tmp_path, cells, here).done == 1
    assert open_store(tmp_path).record(cells[0].path).batch == Batch(asked=32, used=8)
    hopeless = fake.cells(1, leak=0)
    assert "MemoryError" in drive(tmp_path, hopeless, here).errors[hopeless[0].path]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device.*Make room"),
        (StoreError("out of reach"), "^out of reach$"),
    ],
)
def test_a_full_disk_or_a_lost_store_stops_the_grid_and_counts_against_no_cell(error, says, tmp_path, here, monkeypatch):
    def full(self, path, folder):
        raise error

    with monkeypatch.context() as patch, pytest.raises(StoreError, match=says):
        patch.setattr(FolderStore, "commit", full)
        drive(tmp_path, fake.cells(3), here)
    assert len(here.ran) == 1 and not open_store(tmp_path).failed()
    assert drive(tmp_path, fake.cells(3), here).done == 3
    assert fake.faults(tmp_path, fake.cells(3)) == []


def test_a_store_out_of_reach_stops_the_grid_and_counts_against_no_cell(bucket, s3, tmp_path, here, monkeypatch):
    real, cells = fake.train, fake.cells(3, steps=2)

    def cut_off(assignment, folder, draft):
        if len(here.ran) == 2:
            s3.stop()
        return real(assignment, folder, draft)

    with monkeypatch.context() as patch, pytest.raises(StoreError, match="out of reach.*same command"):
        patch.setattr(fake, "train", cut_off)
        drive(bucket, cells, here, work=tmp_path)
    with pytest.raises(StoreError, match="out of reach"):
        drive(bucket, cells, here, work=tmp_path)
    s3.start()
    assert len(here.ran) == 2 and not open_store(bucket).failed()
    count = drive(bucket, cells, here, work=tmp_path)
    assert (count.kept, count.done) == (1, 2) and fake.faults(bucket, cells) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False])
def test_two_machines_on_one_object_store(bucket, tmp_path, shared):
    """With a folder that both see they share the work; without one a cell may run twice and is committed once."""
    wanted = "fake.cells(8, steps=2, sleep=0.05)"
    folders = [tmp_path / ("work" if shared else f"work{k}") for k in range(2)]
    processes = [_driver(bucket, wanted, f"work=Path({str(folder)!r})") for folder in folders]
    assert [p.wait(timeout=300) for p in processes] == [0, 0]
    assert fake.faults(bucket, fake.cells(8, steps=2, sleep=0.05)) == []
    store = open_store(bucket)
    assert len(store.fs.find(f"{store.root}/files")) == 8, "a model.txt each: the others took theirs away"


def test_a_cell_in_another_drivers_hands_is_waited_for_and_not_doubled(tmp_path, here):
    cells = fake.cells(2)
    other = Lease.take(tmp_path / "work" / cells[0].id / "lease")
    seen = []

    def watch(count):
        seen.append(count.done)
        if count.done == 1 and other.file.exists():  # what was free is done; now the other driver dies
            other.file.write_text(other.file.read_text().replace('"born": "', '"born": "0'))

    with other:
        assert drive(tmp_path, cells, here, watch=watch).done == 2
    assert here.ran == [cells[1].path, cells[0].path]


def test_what_a_killed_process_left_of_a_finished_cell_is_removed(tmp_path, here):
    cells = fake.cells(3)
    drive(tmp_path, cells, here)
    work = tmp_path / "work"
    for cell in cells:
        (work / cell.id / "run-1").mkdir(parents=True)
    (work / cells[0].id / "lease").write_text("{}\n")  # a process that has committed and is about to remove it
    (work / fake.cells(1, steps=9)[0].id).mkdir()
    drive(tmp_path, cells[:2], here)
    assert {f.name for f in work.iterdir()} == {cells[0].id, fake.cells(1, steps=9)[0].id}


@pytest.mark.slow
def test_two_drivers_on_one_folder_share_the_work(tmp_path):
    processes = [_driver(tmp_path, "fake.cells(12, steps=2, sleep=0.05)") for _ in range(2)]
    assert [p.wait(timeout=300) for p in processes] == [0, 0]
    assert fake.faults(tmp_path, fake.cells(12, steps=2, sleep=0.05)) == []


@pytest.mark.slow
def test_processes_that_die_are_tried_again_and_then_left_as_failed(tmp_path):
    cells = [*fake.cells(2), *fake.cells(1, steps=3, die=1)]
    count = drive(tmp_path, cells, LocalExecutor(2))
    assert count.done == 2 and "SIGKILL" in count.errors[cells[2].path]
    record = open_store(tmp_path).failure(cells[2].path)
    assert record.attempts == 3 and record.error.type == "Died"


@pytest.mark.slow
def test_a_cell_that_leaks_memory_fails_alone(tmp_path):
    cells = [*fake.cells(2), *fake.cells(1, steps=200, leak=0)]
    count = drive(tmp_path, cells, LocalExecutor(2, memory=3 << 30))
    assert count.done == 2 and "MemoryError" in count.errors[cells[2].path]


@pytest.mark.slow
def test_ctrl_c_stops_the_cells_which_go_on_next_time(tmp_path):
    wanted = "fake.cells(2, steps=100, sleep=0.05)"
    process = _driver(tmp_path, wanted)
    _wait(lambda: _steps(tmp_path) > 10)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    assert not list((tmp_path / "work").glob("*/lease")), "a stopped cell gives its lease back"
    before = _steps(tmp_path)
    time.sleep(0.3)
    assert 10 < _steps(tmp_path) == before, "nothing runs any more"
    assert _driver(tmp_path, wanted).wait(timeout=300) == 0
    assert fake.faults(tmp_path, fake.cells(2, steps=100, sleep=0.05)) == []


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(4))
def test_a_driver_that_is_killed_loses_nothing(tmp_path, trial):
    cells, random_ = fake.cells(6, steps=4, sleep=0.05), random.Random(trial)
    for _ in range(3):
        process = _driver(tmp_path, "fake.cells(6, steps=4, sleep=0.05)")
        _wait(lambda: (tmp_path / "work").exists(), 60)
        time.sleep(random_.random() * 4)
        process.kill()
        process.wait()
    process = _driver(tmp_path, "fake.cells(6, steps=4, sleep=0.05)")
    assert process.wait(timeout=300) == 0
    assert fake.faults(tmp_path, cells) == []


def test_cells_of_a_driver_that_was_killed_end_without_a_traceback(tmp_path):
    errors = (tmp_path / "stderr").open("w")
    process = _driver(tmp_path / "results", "fake.cells(1, steps=20, sleep=0.05)", stderr=errors)
    _wait(lambda: _steps(tmp_path / "results") > 1)
    process.kill()
    process.wait()
    _wait(lambda: not list((tmp_path / "results" / "work").glob("*/lease")))  # the cell has ended, stopped or finished
    time.sleep(0.5)
    assert "Traceback" not in (tmp_path / "stderr").read_text()


def test_a_cells_process_imports_nothing_that_its_fork_server_could_have(tmp_path):
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}  # a line on stderr for each import in each process
    process = _driver(tmp_path, "fake.cells(20)", env=environment, stderr=subprocess.PIPE, text=True)
    imported = Counter(re.findall(r"\|\s+(\S+)$", process.communicate(timeout=300)[1], re.MULTILINE))
    assert process.returncode == 0 and imported["torch"] > 0
    assert [name for name, times in imported.items() if times >= 20] == []


def test_places_are_packed_by_what_cells_needed():
    gib = 1 << 30
    known, unknown = Job("a", "", "", {}, device_memory=10 * gib), Job("b", "", "", {})
    gpu = Place("0", 30 * gib)
    assert gpu.room(unknown, 4) == 30 * gib, "what is not known has the GPU alone"
    gpu.expected = {1: 12 * gib}
    assert gpu.room(known, 4) == 12 * gib and gpu.room(unknown, 4) is None
    gpu.expected = {1: 12 * gib, 2: 12 * gib}
    assert gpu.room(known, 4) is None
    machine = Place(None, 8 * gib)
    assert machine.room(unknown, 4) == 2 * gib
    huge = Job("c", "", "", {}, memory=100 * gib)
    assert machine.room(huge, 4) == 8 * gib, "more than there is runs alone, and may fail"
    machine.expected = {1: 1}
    assert machine.room(huge, 4) is None


def test_a_job_is_drawn_when_a_worker_is_free_and_not_before():
    drawn = []

    def jobs():
        for k in range(4):
            drawn.append(k)
            yield Job(str(k), "", "builtins:dict", {})

    for ended, _ in enumerate(LocalExecutor(1).run(jobs())):
        assert len(drawn) == ended + 1


def test_wrong_settings_of_the_executor():
    with pytest.raises(SettingsError, match="workers is -1"):
        LocalExecutor(-1)


def test_work_of_an_object_store_is_kept_on_this_machine_or_where_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("DAZOO_CACHE", str(tmp_path))
    store = open_store("memory://bucket/runs")
    assert work_folder(store).is_relative_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert work_folder(store, Path("shared")) == tmp_path / "shared"


def _driver(root: Path | str, cells: str, options: str = "", **popen) -> subprocess.Popen:
    code = (
        "from pathlib import Path;"
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"  # a shell's background jobs ignore it
        "from benchmarks import fake; from dazoo.bench.driver import Driver; from dazoo.bench.local import LocalExecutor;"
        f"from dazoo.bench.stores import open_store; c = {cells};"
        f"n = Driver(open_store({str(root)!r}), LocalExecutor(2), trainer=fake.TRAINER, {options}).run(c); assert not n.errors, n"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2], **popen)


def _steps(root: Path) -> int:
    return sum(f.stat().st_size for f in (root / "work").glob("*/run-1/steps"))


def _wait(happened, seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while not happened() and time.monotonic() < ends:
        time.sleep(0.01)


def test_an_executor_that_fails_is_named(tmp_path):
    class Breaks(Here):
        def run(self, jobs):
            raise KeyError("queue")
            yield

    class YieldsText(Here):
        def run(self, jobs):
            yield "done"

    cells = fake.cells(1)
    with pytest.raises(ExecutorError, match="Breaks .* fails: KeyError: 'queue'. What is finished is kept"):
        drive(tmp_path, cells, Breaks())
    with pytest.raises(ExecutorError, match="YieldsText .* yields a str; expected an Outcome"):
        drive(tmp_path, cells, YieldsText())
