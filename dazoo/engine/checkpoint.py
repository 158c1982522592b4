"""Checkpoints: a folder with tensors and a JSON record, made whole by one rename, verified by digest when read."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save_file
from torch import Tensor

from dazoo.drafts import sweep
from dazoo.drafts import whole_folder
from dazoo.errors import StoreError
from dazoo.errors import TrainingError
from dazoo.plain import again
from dazoo.plain import digest_of
from dazoo.plain import no_twins
from dazoo.plain import read_bounded
from dazoo.plain import unwritten


log = logging.getLogger(__name__)
KEEP = 2
RECORD, TENSORS = "state.json", "state.safetensors"
MAX_RECORD = 2**30
"""Bytes of a record; an epoch takes some hundred."""


@dataclass(frozen=True)
class State:
    """What a checkpoint holds.

    Attributes:
        step: steps done. total: steps of the whole run. seconds: of training so far.
        chosen_score: best value of the validator so far, or None where there is none yet.
        scores, terms: label-free scores and last loss terms by name, one mapping per epoch.
        tensors: everything that learns, by name.

    Raises:
        ValueError: a field of another type, or out of range.
    """

    step: int
    total: int
    seconds: float
    chosen_score: float | None
    scores: list[dict[str, float]]
    terms: list[dict[str, float]]
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        good = {
            "step": type(self.step) is int and self.step >= 0,
            "total": type(self.total) is int and type(self.step) is int and self.total >= self.step,
            "seconds": _is_number(self.seconds) and math.isfinite(self.seconds) and self.seconds >= 0,
            "chosen_score": self.chosen_score is None or _is_number(self.chosen_score),
            "scores": _is_table(self.scores),
            "terms": _is_table(self.terms) and len(self.terms) == len(self.scores),
        }
        wrong = [name for name, fits in good.items() if not fits]
        if wrong:
            raise ValueError(f"its {wrong[0]} is {str(getattr(self, wrong[0]))[:100]}")


def write_checkpoint(folder: Path, state: State) -> Path:
    """Write `folder/step-<n>` with one atomic rename, and keep the newest two; later ones, of a state that was given up, go as well.

    Raises:
        StoreError: it cannot be written. Older checkpoints stay.
    """
    final = folder / _name(state.step)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder, "step-*")
        with whole_folder(final) as draft:
            save_file({k: v.detach().cpu().contiguous().clone() for k, v in state.tensors.items()}, draft / TENSORS)
            record = {**asdict(_without_tensors(state)), "tensors": digest_of(draft / TENSORS)}
            (draft / RECORD).write_text(json.dumps({**record, "digest": _digest(record)}))
        found = steps(folder)
    except (OSError, SafetensorError) as exc:
        raise StoreError(f"{unwritten(final, exc)} {again(exc)}") from exc
    newest = found.index(final) + 1 if final in found else len(found)
    for old in (*found[: max(0, newest - KEEP)], *found[newest:]):
        shutil.rmtree(old, ignore_errors=True)
    return final


def read_checkpoint(folder: Path) -> State | None:
    """The newest whole checkpoint under `folder`, or None where there is none; a damaged one falls back to the one before.

    Raises:
        TrainingError: there are checkpoints, and every one is damaged, or they cannot be listed (never silently from scratch).
    """
    try:
        found = steps(folder)
    except OSError as exc:
        raise TrainingError(f"The checkpoints in {folder} cannot be listed ({exc.strerror or exc}); give the rights to read it.") from exc
    why: Exception | None = None
    for path in reversed(found):
        try:
            return _read(path)
        except (OSError, ValueError, RecursionError, SafetensorError) as exc:
            log.warning("Checkpoint %s is damaged (%s); trying the one before.", path.name, exc)
            why = why or exc
    if found:
        raise TrainingError(f"All checkpoints in {folder} are damaged (the newest: {why}); remove the folder to train from the start.")
    return None


def steps(folder: Path) -> list[Path]:
    """Checkpoints under `folder`, oldest first; none where there is no folder.

    Raises:
        OSError: it cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.startswith("step-") and entry.is_dir()]
    except FileNotFoundError:
        return []
    return [folder / name for name in sorted(names, key=lambda name: (len(name), name))]


def _read(path: Path) -> State:
    """One checkpoint, strictly.

    Raises:
        ValueError: it is not what was written.
        OSError, RecursionError, SafetensorError: it cannot be read.
    """
    record = json.loads(read_bounded(path / RECORD, MAX_RECORD), object_pairs_hook=no_twins)
    names = {f.name for f in fields(State)} | {"digest"}
    if not isinstance(record, dict) or set(record) != names:
        raise ValueError(f"{RECORD} is no record with {', '.join(sorted(names))}")
    if record.pop("digest") != _digest(record):
        raise ValueError(f"{RECORD} is altered: its digest does not match")
    if path.name != _name(record["step"]):
        raise ValueError(f"it is the state of step {record['step']} under another name")
    if digest_of(path / TENSORS) != record["tensors"]:
        raise ValueError(f"{TENSORS} is altered: its sha256 does not match")
    return State(**{**record, "tensors": load_file(path / TENSORS)})


def _name(step: Any) -> str:
    return f"step-{step:08d}" if type(step) is int else ""


def _without_tensors(state: State) -> State:
    return State(**{f.name: getattr(state, f.name) for f in fields(State) if f.name != "tensors"})


def _digest(record: Mapping[str, Any]) -> str:
    """sha256 over every field, the digest of the tensors' file among them."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_table(value: Any) -> bool:
    """Whether it is a list of mappings from names to numbers."""
    return isinstance(value, list) and all(isinstance(row, dict) and all(map(_is_number, row.values())) for row in value)
