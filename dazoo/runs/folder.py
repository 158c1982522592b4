"""The folder of a run: whose it is, and that one process at a time works in it.

run.json        what tells the run from every other one (`Plan.identity`), and the verdict when it has ended
lease           who trains it now
checkpoints/    states to go on from, and source_only/ for the twin
model/          the trained model, with the weights that were selected
models/         the model of other moments: last, chosen, best and source_only (`dazoo.runs.kept`)
history.json    scores and loss terms by epoch
history.csv     the same of every stage, with the chosen epoch; curves.png is its picture
run-id          what loggers call the run
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dazoo.drafts import sweep
from dazoo.errors import SettingsError
from dazoo.errors import StoreError
from dazoo.lease import LeaseHeld
from dazoo.lease import taken
from dazoo.plain import again
from dazoo.plain import no_twins
from dazoo.plain import read_bounded
from dazoo.plain import unwritten
from dazoo.plain import write_whole


RUN, LEASE = "run.json", "lease"
NOTES = ("verdict",)
"""What is noted in run.json beside the identity, once the run has ended."""
PLACES = ("checkpoints", "checkpoints/source", "source_only", "source_only/source")
"""Where checkpoints are; a method that adapts a trained model has those of its first stage in "source"."""
MAX_RUN = 2**24
"""Bytes of run.json."""


@contextmanager
def claimed(folder: Path, identity: Mapping[str, Any]) -> Iterator[None]:
    """Make the folder this run's, or see that it is, and keep every other process out of it while the block runs.

    Args:
        folder: made here, with its parents.
        identity: JSON values.

    Raises:
        SettingsError: it holds another run (the message names what differs), something else than a run, a damaged run.json, or a run that
            another process is training.
        StoreError: nothing can be written there.
    """
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is a file; name a folder with --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _check_place(folder)
        lease = taken(folder / LEASE)
    except LeaseHeld as exc:
        raise SettingsError(
            f"{folder} is being trained by {exc}; wait until it ends, stop it, or name another folder with --out."
        ) from None
    except OSError as exc:
        raise StoreError(f"{unwritten(folder, exc)} {again(exc)}") from exc
    with lease:
        try:
            _settle(folder, identity)
            _check_writable(folder)
            _tidy(folder)
        except OSError as exc:
            raise StoreError(f"{unwritten(folder, exc)} {again(exc)}") from exc
        yield


def note(folder: Path, **notes: Any) -> None:
    """Write what came out into run.json, beside the identity; only who holds the lease may.

    Args:
        notes: JSON values by a name of `NOTES`.
    """
    there = json.loads(read_bounded(folder / RUN, MAX_RUN))
    write_whole(folder / RUN, json.dumps({**there, **notes}, indent=1))


def _check_place(folder: Path) -> None:
    """See that the folder is a run's, or empty but for what a killed process leaves of one."""
    names = {path.name for path in folder.iterdir()}
    strangers = sorted(n for n in names if n != LEASE and not n.startswith((f".{RUN}", f".{LEASE}-")))
    if strangers and RUN not in names:
        raise SettingsError(
            f"{folder} holds something else than a run ({strangers[0]}); name a new folder with --out, so that nothing is overwritten."
        )


def _settle(folder: Path, identity: Mapping[str, Any]) -> None:
    """Write run.json, or compare with the one that is there."""
    file = folder / RUN
    wanted = json.loads(json.dumps(identity))
    try:
        there = json.loads(read_bounded(file, MAX_RUN), object_pairs_hook=no_twins)
        if not isinstance(there, dict):
            raise ValueError(f"it holds a {type(there).__name__}")
    except FileNotFoundError:
        write_whole(file, json.dumps(wanted, indent=1))
        return
    except (OSError, ValueError, RecursionError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else exc
        raise SettingsError(
            f"{file} is not readable ({why}), so nothing tells which run this is; remove the folder {folder}, or name another with --out."
        ) from None
    both = {**wanted, **there}
    differs = [k for k in both if k not in NOTES and (k not in wanted or k not in there or there[k] != wanted[k])]
    if differs:
        raise SettingsError(f"{folder} holds another run (different {', '.join(differs)}); name another folder with --out, or remove it.")


def _tidy(folder: Path) -> None:
    """Remove what killed processes left half-written. Only who holds the lease may."""
    for draft in (*folder.glob(f".{RUN}*"), *folder.glob(".history.*-*"), *folder.glob(".curves.png*"), *folder.glob(f".{LEASE}-*")):
        draft.unlink(missing_ok=True)
    for place in PLACES:
        sweep(folder / place, "step-*")
    sweep(folder, "model")
    sweep(folder / "models", "*")


def _check_writable(folder: Path) -> None:
    """See that all that a run writes can be written, before it trains for hours.

    Raises:
        PermissionError: a folder of the run that cannot be written.
    """
    for place in (*PLACES, "model", "models"):
        if (folder / place).exists() and not os.access(folder / place, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, f"{os.strerror(errno.EACCES)} ({place})")
