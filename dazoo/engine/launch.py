"""Start processes of this machine that train one model together, as torchrun does on the command line."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from contextlib import redirect_stderr
from contextlib import redirect_stdout
from multiprocessing import connection
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import torch

from dazoo.errors import Interrupted
from dazoo.errors import ProcessDied
from dazoo.errors import TrainingError


def together(processes: int, function: Callable[..., Any], *arguments: Any, log: Path) -> Any:
    """Call `function(*arguments)` in so many processes at once, and return what the first one returned.

    Args:
        function: of a module, so that it can be found there. Within it `dazoo.engine.peers.joined` gives the others.
        log: file that what they print is added to.

    Raises:
        Interrupted: stopped by SIGTERM, after they had time to save.
        MemoryError: one ran out of memory.
        ProcessDied: one was killed.
        TrainingError: one failed for another reason; the message is its own, a note has its traceback.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig
    from torch.distributed.launcher.api import elastic_launch

    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=uuid.uuid4().hex, max_restarts=0, monitor_interval=0.1,
        rdzv_backend="c10d", rdzv_endpoint="localhost:0", local_addr="localhost",
    )  # fmt: skip
    threads = max(1, torch.get_num_threads() // processes)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        return elastic_launch(config, _member)(function, arguments, log, threads)[0]
    except SignalException as exc:
        raise Interrupted(str(exc)) from None
    except ChildFailedError as exc:
        said = exc.get_first_failure()[1].message
    if isinstance(said, str):
        raise ProcessDied(said)
    kind, _, text = str(said["message"]).partition(": ")
    if kind in ("Interrupted", "MemoryError"):
        raise {"Interrupted": Interrupted, "MemoryError": MemoryError}[kind](text)
    error = TrainingError(said["message"])
    error.add_note(str(said["extraInfo"]["py_callstack"]))
    raise error


def _member(function: Callable[..., Any], arguments: tuple[Any, ...], log: Path, threads: int) -> Any:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    with log.open("a", buffering=1) as out, redirect_stdout(out), redirect_stderr(out):
        try:
            return function(*arguments)
        except torch.OutOfMemoryError as exc:
            raise MemoryError(str(exc)) from exc


def _end_with_parent() -> None:
    """When who started it is gone, so is who holds the lease: nothing more may be written."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
