"""Checkpoints: a folder with tensors and a JSON record, made whole by one rename, verified by digest when read."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from safetensors.torch import save_file
from torch import Tensor

from dazoo.errors import TrainingError
from dazoo.plain import to_disk


log = logging.getLogger(__name__)
KEEP = 2


def write_checkpoint(folder: Path, step: int, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> Path:
    """Write `folder/step-<n>` with one atomic rename and keep the newest two.

    Args:
        tensors: everything that learns, by name.
        record: everything else, as JSON.
    """
    final = folder / f"step-{step:08d}"
    part = folder / f".{final.name}-{uuid.uuid4().hex[:8]}"
    part.mkdir(parents=True)
    try:
        save_file({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, part / "state.safetensors")
        digest = hashlib.sha256((part / "state.safetensors").read_bytes()).hexdigest()
        (part / "state.json").write_text(json.dumps({**record, "sha256": digest}))
        for file in part.iterdir():
            to_disk(file)
        to_disk(part)
        if final.exists():  # written before by the same run, at the same step: the same state
            shutil.rmtree(final)
        os.replace(part, final)
        to_disk(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    for old in steps(folder)[:-KEEP]:
        shutil.rmtree(old)
    return final


def read_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest whole checkpoint under `folder`, or None where there is none; a damaged one falls back to the one before.

    Raises:
        TrainingError: there are checkpoints, and every one is damaged (never silently from scratch).
    """
    found = steps(folder)
    for path in reversed(found):
        try:
            record = json.loads((path / "state.json").read_text())
            if hashlib.sha256((path / "state.safetensors").read_bytes()).hexdigest() != record["sha256"]:
                raise ValueError("its sha256 does not match")
            return load_file(path / "state.safetensors"), record
        except (OSError, ValueError, KeyError) as error:
            log.warning("Checkpoint %s is damaged (%s); trying the one before.", path.name, error)
    if found:
        raise TrainingError(f"All checkpoints in {folder} are damaged; remove the folder to train from the start.")
    return None


def steps(folder: Path) -> list[Path]:
    """Checkpoints under `folder`, oldest first."""
    return sorted(p for p in folder.glob("step-*") if p.is_dir())
