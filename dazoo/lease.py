"""Who works in a folder: a file that one process can create, and that grows while it lives.

No clock is compared between machines, and none can be set back: a lease is stale when its process is gone from this machine, or when a
watcher has seen it not grow for a while by the watcher's own monotonic clock.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any


BEAT = 2.0
"""Seconds between two signs of life."""

PATIENCE = 30.0
"""Seconds without one after which a lease is stale."""


class Lease:
    """A lease that is held; a context manager that gives it back."""

    def __init__(self, file: Path, line: str) -> None:
        self.file, self._line = file, line
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    @classmethod
    def take(cls, file: Path) -> Lease | None:
        """The lease, or None while another process has it.

        Raises:
            OSError: it cannot be written.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return None
        facts = {"machine": machine(), "pid": os.getpid(), "born": _born(os.getpid()), "token": uuid.uuid4().hex}
        line = json.dumps(facts) + "\n"
        try:
            with os.fdopen(handle, "w") as out:
                out.write(line)
        except OSError:
            file.unlink(missing_ok=True)
            raise
        return cls(file, line)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        with suppress(OSError):
            if self._mine():
                self.file.unlink()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            with suppress(OSError):  # a full disk must not end the work; the next beat may get through
                if self._mine():
                    with self.file.open("a") as out:
                        out.write(".")

    def _mine(self) -> bool:
        """Whether the file is still the one that was made here: while this process was stopped, another may have taken over."""
        with self.file.open() as there:
            return there.readline() == self._line


class Watcher:
    """Tells stale leases from living ones."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._seen: dict[Path, tuple[int, float]] = {}

    def stale(self, file: Path) -> bool:
        """Whether the lease's holder is gone. Ask again and again: of another machine's it takes `patience` seconds to tell."""
        try:
            text = file.read_text()
        except FileNotFoundError:
            return False
        now = time.monotonic()
        size, since = self._seen.get(file, (-1, now))
        if size != len(text):
            since = now
        self._seen[file] = (len(text), since)
        return _dead(text) or now - since > self.patience

    def break_(self, file: Path) -> None:
        """Remove a stale lease; of several watchers, one does."""
        aside = file.with_name(f".{file.name}-{uuid.uuid4().hex[:8]}")
        try:
            os.rename(file, aside)
        except FileNotFoundError:
            return
        self._seen.pop(file, None)
        aside.unlink()


def taken(file: Path) -> Lease:
    """The lease, also where the process that had it is gone. A living process on this machine is told at once; one on another machine
    by the lease's growth, which takes some seconds, and `PATIENCE` seconds where it is gone.

    Raises:
        LeaseHeld: a living process has it; the message says which.
        OSError: it cannot be written.
    """
    watcher, seen = Watcher(), set[int]()
    while (lease := Lease.take(file)) is None:
        if watcher.stale(file):
            watcher.break_(file)
            continue
        try:
            text = file.read_text()
        except FileNotFoundError:
            continue
        seen.add(len(text))
        if _here(text) or len(seen) > 1:
            raise LeaseHeld(_holder(text))
        time.sleep(BEAT / 4)
    return lease


class LeaseHeld(Exception):
    """A living process has the lease. The message names it, "process 4711 on this machine"."""


def machine() -> str:
    """This machine and process namespace: process numbers mean something within it alone."""
    try:
        space = os.readlink("/proc/self/ns/pid")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        space, boot = "", f"{uuid.getnode():x}"
    return f"{socket.gethostname()} {boot} {space}"


def _dead(text: str) -> bool:
    """Whether the lease is from this machine and its process is gone (or its number now belongs to another one)."""
    if not _here(text):
        return False
    _, pid, born = _facts(text)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        return False
    return _born(pid) != born


def _facts(text: str) -> tuple[str, int, str]:
    """Machine, process number and start of the holder; of a lease that is being written, ("", 0, "")."""
    try:
        holder: Any = json.loads(text.partition("\n")[0])
        return str(holder["machine"]), int(holder["pid"]), str(holder["born"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", 0, ""


def _here(text: str) -> bool:
    """Whether the holder is a process of this machine, whose number means something here."""
    return _facts(text)[0] == machine()


def _holder(text: str) -> str:
    where, pid, _ = _facts(text)
    return f"process {pid} on {'this machine' if _here(text) else where.partition(' ')[0] or 'an unknown machine'}"


def _born(pid: int) -> str:
    """Start of a process in ticks since boot, where the system tells; zombies count as gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "gone" if fields[0] == "Z" else fields[19]
