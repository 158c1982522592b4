"""Stores: what is there is finished, whatever happens while it is written."""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path

import pytest

from benchmarks import fake
from dazoo.bench.store import FolderStore
from dazoo.bench.store import RemoteStore
from dazoo.bench.store import open_store
from dazoo.bench.work import Job
from dazoo.bench.work import failure
from dazoo.errors import DataError
from dazoo.plain import strict_json


CELL = fake.cells(1)[0]


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    return open_store(tmp_path / "results" if request.param == "folder" else f"memory://{uuid.uuid4().hex}")


def job(store, **changes) -> Job:
    return Job(CELL.id, CELL.path, CELL.name, CELL.seed, {}, dict(CELL.identity), store.address, "", **changes)


def finished_folder(tmp_path: Path, store) -> Path:
    folder = tmp_path / "results" / "work" / uuid.uuid4().hex
    (folder / "model").mkdir(parents=True)
    record = {**failure(job(store), "", ""), **fake.train(job(store), tmp_path / uuid.uuid4().hex, folder), "status": "done"}
    (folder / "cell.json").write_text(strict_json(record))
    (folder / "model" / "weights").write_bytes(b"w")
    return folder


def test_a_committed_cell_is_there_whole_and_once(store, tmp_path):
    assert not store.has(CELL.path) and store.finished() == set() and list(store.records()) == []
    first, second = finished_folder(tmp_path, store), finished_folder(tmp_path, store)
    assert store.commit(CELL.path, first) is True
    assert store.commit(CELL.path, second) is False
    assert store.finished() == {CELL.path} and store.has(CELL.path)
    assert store.record(CELL.path)["numbers"] == fake.outcome(job(store))["numbers"]
    assert store.read(f"cells/{CELL.path}/model/weights") == b"w"
    assert not first.exists() and not second.exists()


def test_a_failure_is_kept_until_the_cell_succeeds(store, tmp_path):
    store.fail(CELL.path, failure(job(store), "ValueError", "first"))
    store.fail(CELL.path, failure(job(store, attempts=1), "ValueError", "second", "trace"))
    assert store.failed() == {CELL.path} and store.finished() == set()
    assert store.failure(CELL.path)["attempts"] == 2 and store.failure(CELL.path)["error"]["message"] == "second"
    assert [r["status"] for r in store.records()] == ["failed"]
    store.commit(CELL.path, finished_folder(tmp_path, store))
    assert store.failed() == set() and [r["status"] for r in store.records()] == ["done"]


def test_a_record_that_is_not_json_names_its_file(store, tmp_path):
    folder = finished_folder(tmp_path, store)
    (folder / "cell.json").write_text("{")
    store.commit(CELL.path, folder)
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


def test_the_record_comes_last_where_there_is_no_rename(tmp_path, monkeypatch):
    store = RemoteStore(f"memory://{uuid.uuid4().hex}")
    written = []
    real = type(store.fs).pipe_file
    monkeypatch.setattr(type(store.fs), "pipe_file", lambda self, path, *a, **k: (written.append(path), real(self, path, *a, **k)))
    store.commit(CELL.path, finished_folder(tmp_path, store))
    assert len(written) == 3 and written[-1].endswith("/cell.json")


def test_an_address_that_nothing_knows():
    with pytest.raises(DataError, match="nowhere"):
        open_store("nowhere://x")
