"""Who works on a cell: a file that one process can create, and that grows while it lives.

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
from pathlib import Path
from types import TracebackType
from typing import Any


BEAT = 2.0
"""Seconds between two signs of life."""

PATIENCE = 30.0
"""Seconds without one after which a lease is stale."""


class Lease:
    """A lease that is held; a context manager that gives it back."""

    def __init__(self, file: Path) -> None:
        self.file = file
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
            handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return None
        try:
            with os.fdopen(handle, "w") as out:
                out.write(json.dumps({"machine": machine(), "pid": os.getpid(), "born": _born(os.getpid())}) + "\n")
        except OSError:
            file.unlink(missing_ok=True)
            raise
        return cls(file)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self.file.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            try:
                with self.file.open("a") as out:
                    out.write(".")
            except OSError:  # a full disk must not end the cell; the next beat may get through
                pass


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
    try:
        holder: Any = json.loads(text.partition("\n")[0])
        here, pid, born = holder["machine"] == machine(), int(holder["pid"]), holder["born"]
    except (ValueError, KeyError, TypeError):
        return False  # being written: time will tell
    if not here:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _born(pid) != born


def _born(pid: int) -> str:
    """Start of a process in ticks since boot, where the system tells; zombies count as gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "gone" if fields[0] == "Z" else fields[19]
