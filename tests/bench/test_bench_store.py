"""Stores: what is there is finished, whatever happens while it is written."""

from __future__ import annotations

import errno
import json
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from benchmarks import fake
from dazoo.bench import remote as remote_module
from dazoo.bench.assignment import Assignment
from dazoo.bench.fields import Error
from dazoo.bench.fields import File
from dazoo.bench.record import Record
from dazoo.bench.remote import RemoteStore
from dazoo.bench.stores import FolderStore
from dazoo.bench.stores import open_store
from dazoo.bench.work import failure
from dazoo.errors import DataError
from dazoo.errors import StoreError


CELL = fake.cells(1)[0]


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request, tmp_path):
    """An empty store of each kind."""
    if request.param == "folder":
        return open_store(tmp_path / "results")
    return open_store(request.getfixturevalue("bucket") if request.param == "s3" else f"memory://{uuid.uuid4().hex}")


@pytest.fixture(params=["memory", "s3"])
def remote(request):
    """One that has no rename."""
    return open_store(request.getfixturevalue("bucket") if request.param == "s3" else f"memory://{uuid.uuid4().hex}")


def assignment(store, **changes) -> Assignment:
    return Assignment(CELL, store.address, "", **changes)


def failed(store, kind: str, message: str, trace: str = "", **changes) -> Record:
    return failure(assignment(store, **changes), Error(kind, message, trace))


def finished_folder(tmp_path: Path, store, weights: bytes = b"w") -> Path:
    folder = tmp_path / "results" / "work" / uuid.uuid4().hex
    (folder / "model").mkdir(parents=True)
    record = fake.train(assignment(store), tmp_path / uuid.uuid4().hex, folder)
    (folder / "model" / "weights").write_bytes(weights)
    files = [f for f in folder.rglob("*") if f.is_file()]
    kept = {f.relative_to(folder).as_posix(): File(sha256(f.read_bytes()).hexdigest(), f.stat().st_size) for f in files}
    (folder / "cell.json").write_text(replace(record, files=kept).to_text())
    return folder


def torn(store) -> list[str]:
    """Files of the cell that are not those that its record was made of."""
    record = store.record(CELL.path)
    return [f for f, known in record.files.items() if sha256(store.file(record.place, f)).hexdigest() != known.sha256]


def test_a_committed_cell_is_there_whole_and_once(store, tmp_path):
    assert not store.has(CELL.path) and store.finished() == set() and list(store.records()) == []
    first, second = finished_folder(tmp_path, store), finished_folder(tmp_path, store)
    assert store.commit(CELL.path, first) is True
    assert store.commit(CELL.path, second) is False
    assert store.finished() == {CELL.path} and store.has(CELL.path)
    assert store.record(CELL.path).numbers == fake.outcome(assignment(store)).numbers
    assert store.file(store.record(CELL.path).place, "model/weights") == b"w" and torn(store) == []
    with pytest.raises(FileNotFoundError):
        store.file(store.record(CELL.path).place, "samples.png")
    assert not first.exists() and not second.exists()


def test_a_failure_is_kept_until_the_cell_succeeds(store, tmp_path):
    store.fail(CELL.path, failed(store, "ValueError", "first"))
    store.fail(CELL.path, failed(store, "ValueError", "second", "trace", attempts=1))
    assert store.failed() == {CELL.path} and store.finished() == set()
    assert store.failure(CELL.path).attempts == 2 and store.failure(CELL.path).error.message == "second"
    assert [r.done for r in store.records()] == [False]
    store.commit(CELL.path, finished_folder(tmp_path, store))
    assert store.failed() == set() and [r.done for r in store.records()] == [True]


def test_a_record_that_is_not_json_names_its_file(store, tmp_path):
    store.commit(CELL.path, finished_folder(tmp_path, store))
    if isinstance(store, FolderStore):
        (store.root / "cells" / CELL.path / "cell.json").write_text("{")
    else:
        store.fs.pipe_file(f"{store.root}/cells/{CELL.path}/cell.json", b"{")
    with pytest.raises(DataError, match="cell.json is not JSON"):
        list(store.records())


@pytest.mark.parametrize("call", ["fsync", "rename"])
@pytest.mark.parametrize("n", range(5))
def test_a_commit_that_breaks_off_leaves_nothing(call, n, tmp_path, monkeypatch):
    store = FolderStore(tmp_path / "results")
    folder, real, calls = finished_folder(tmp_path, store), getattr(os, call), []

    def breaks(*args):
        calls.append(args)
        if len(calls) == n + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*args)

    monkeypatch.setattr(os, call, breaks)
    try:
        store.commit(CELL.path, folder)
    except OSError:
        pass
    monkeypatch.undo()
    assert store.finished() in (set(), {CELL.path})
    if folder.exists():
        store.commit(CELL.path, folder)
    assert fake.faults(store.root, [CELL]) == []


def test_of_many_that_commit_a_cell_at_once_one_does_and_its_files_stay(bucket, tmp_path):
    for place in (tmp_path / "results", bucket):
        store, gate = open_store(place), threading.Barrier(8)
        folders = [finished_folder(tmp_path, store, b"%d" % k * 1000) for k in range(8)]

        def commits(folder, place=place, gate=gate):
            gate.wait()
            return open_store(place).commit(CELL.path, folder)

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(commits, folders)) == [False] * 7 + [True]
        assert torn(store) == [] and not any(f.exists() for f in folders)
    assert len(store.fs.find(store.root)) == 3, "the record, and the winner's two files"


@pytest.mark.parametrize("n", range(4))
def test_an_upload_that_breaks_off_leaves_the_cell_unfinished_and_the_next_one_heals_it(n, remote, tmp_path, monkeypatch):
    written = []

    def breaks(real):
        def write(*args, **options):
            written.append(args)
            if len(written) == n + 1:
                raise ConnectionError("reset")
            return real(*args, **options)

        return write

    remote.fail(CELL.path, failed(remote, "ValueError", "before"))
    folder = finished_folder(tmp_path, remote)
    with monkeypatch.context() as patch, pytest.raises(StoreError, match="reset.*same command") if n < 3 else nullcontext():
        for call in ("put_file", "pipe_file"):
            patch.setattr(remote.fs, call, breaks(getattr(remote.fs, call)))
        remote.commit(CELL.path, folder)
    assert remote.finished() == (set() if n < 3 else {CELL.path}) and folder.exists() == (n < 3)
    assert remote.commit(CELL.path, folder) is (n < 3)
    assert remote.finished() == {CELL.path} and torn(remote) == [] and remote.failed() == set()


def test_whose_request_was_heard_but_not_answered_has_committed(remote, tmp_path, monkeypatch):
    real = remote.fs.pipe_file

    def sent_again(path, data, **options):
        real(path, data, **options)
        real(path, data, **options)

    monkeypatch.setattr(remote.fs, "pipe_file", sent_again)
    assert remote.commit(CELL.path, finished_folder(tmp_path, remote)) is True
    assert torn(remote) == []


@pytest.mark.parametrize("answer", [TypeError("unexpected keyword argument 'mode'"), OSError(errno.EINVAL, "precondition")])
def test_a_file_system_that_cannot_create_or_says_so_in_its_own_words(answer, tmp_path, monkeypatch):
    remote = RemoteStore(f"memory://{uuid.uuid4().hex}")
    real, late = remote.fs.pipe_file, RemoteStore(remote.address)

    def refuses(path, data, mode="overwrite"):
        if mode == "create":
            if isinstance(answer, OSError):  # another process was faster
                real(path, json.dumps({**json.loads(data), "at": "files/elsewhere"}).encode())
            raise answer
        real(path, data)

    monkeypatch.setattr(remote.fs, "pipe_file", refuses)
    assert remote.commit(CELL.path, finished_folder(tmp_path, remote)) is isinstance(answer, TypeError)
    assert late.finished() == {CELL.path}


def test_records_are_read_many_at_a_time_and_what_vanished_is_left_out(remote, monkeypatch):
    cells = fake.cells(25)
    for cell in cells:
        remote.fail(cell.path, failure(replace(assignment(remote), cell=cell), Error("E", "", "")))
    asked, real = [], remote.fs.cat

    def cat(places, **options):
        asked.append(len(places))
        if len(asked) == 1:
            remote.fs.rm_file(places[0])
        return real(places, **options)

    monkeypatch.setattr(remote_module, "BATCH", 10)
    monkeypatch.setattr(remote.fs, "cat", cat)
    found = [record.path for record in remote.records()]
    assert asked == [10, 10, 5] and found == sorted(c.path for c in cells)[1:]
    monkeypatch.setattr(remote.fs, "cat", lambda places, **_: {place: ConnectionError("reset") for place in places})
    with pytest.raises(StoreError, match="reset"):
        list(remote.records())


def put(store, name: str, data: bytes) -> None:
    """Write a file below a store, past it."""
    if isinstance(store, FolderStore):
        (store.root / name).parent.mkdir(parents=True, exist_ok=True)
        (store.root / name).write_bytes(data)
    else:
        store.fs.pipe_file(f"{store.root}/{name}", data)


def test_a_cell_without_its_record_is_not_finished_and_is_run_again(store, tmp_path):
    put(store, f"cells/{CELL.path}/model/weights", b"left by a copy")
    assert store.finished() == set() and not store.has(CELL.path) and list(store.records()) == []
    assert store.commit(CELL.path, finished_folder(tmp_path, store)) is True
    assert store.finished() == {CELL.path} and torn(store) == []
    assert store.commit(CELL.path, finished_folder(tmp_path, store)) is False
    assert fake.faults(store.address, [CELL]) == []


@pytest.mark.parametrize("left", [0, 1, 40, 0.5, -1, -3])
def test_a_record_that_is_empty_or_cut_off_is_not_finished_and_is_run_again(left, tmp_path):
    store = open_store(tmp_path / "results")
    store.commit(CELL.path, finished_folder(tmp_path, store))
    file = store.root / "cells" / CELL.path / "cell.json"
    whole = file.read_bytes()
    cut = left if isinstance(left, int) else whole.index(b"],\n") + 1
    file.write_bytes(whole.rstrip()[:cut])
    assert store.cells() == {CELL.path: False} and store.finished() == set() and not store.has(CELL.path)
    assert list(store.done()) == []
    with pytest.raises(DataError, match=f"{CELL.path}/cell.json is not JSON.*Remove the cell"):
        list(store.records())
    assert store.commit(CELL.path, finished_folder(tmp_path, store)) is True
    assert store.finished() == {CELL.path} and fake.faults(store.root, [CELL]) == []


def test_an_empty_object_is_no_finished_cell(remote, tmp_path):
    put(remote, f"cells/{CELL.path}/cell.json", b"")
    assert remote.cells() == {CELL.path: False} and not remote.has(CELL.path)
    assert remote.commit(CELL.path, finished_folder(tmp_path, remote)) is True
    assert remote.finished() == {CELL.path} and torn(remote) == []


def test_a_leftover_that_is_a_file_is_in_nobodys_way(tmp_path):
    store = open_store(tmp_path / "results")
    put(store, f"cells/{CELL.path}", b"a file where the cell's folder goes")
    assert store.commit(CELL.path, finished_folder(tmp_path, store)) is True
    assert fake.faults(store.root, [CELL]) == []


def test_many_that_commit_over_a_leftover_leave_one_whole_cell(tmp_path):
    for trial in range(10):
        store, gate = open_store(tmp_path / str(trial)), threading.Barrier(6)
        put(store, f"cells/{CELL.path}/rubbish", b"")
        folders = [finished_folder(tmp_path, store, b"%d" % k * 1000) for k in range(6)]

        def commits(folder, store=store, gate=gate):
            gate.wait()
            return store.commit(CELL.path, folder)

        with ThreadPoolExecutor(6) as pool:
            assert any(pool.map(commits, folders))
        assert torn(store) == [] and not any(f.exists() for f in folders) and fake.faults(store.root, [CELL]) == []


def test_stray_files_are_passed_over(store, tmp_path):
    store.commit(CELL.path, finished_folder(tmp_path, store))
    recipe = CELL.path.partition("/")[0]
    for name in (f"cells/{recipe}/README", "cells/README", "cells/.git/x", "cells/.git/a/cell.json", f"failed/{recipe}/notes.json"):
        put(store, name, b"stray")
    assert store.finished() == {CELL.path} and store.failed() == set()
    assert [record.path for record in store.records()] == [CELL.path]


def test_what_was_edited_is_said_with_the_cell(store, tmp_path):
    store.commit(CELL.path, finished_folder(tmp_path, store))
    name = f"cells/{CELL.path}/cell.json"
    put(store, name, store.read(name).replace(b'"n_target":100', b'"n_target":101'))
    with pytest.raises(DataError, match=f"{CELL.path}/cell.json: .*digest.*edited.*Remove the cell"):
        list(store.records())


def test_a_bucket_that_is_not_there_is_said_before_anything_runs(bucket):
    with pytest.raises(StoreError, match="bucket does not exist"):
        open_store("s3://nobodys/runs").finished()


def test_an_address_that_nothing_knows():
    with pytest.raises(DataError, match="nowhere"):
        open_store("nowhere://x")
