"""What a saved model keeps to answer "none of these": features of some training pictures, in a file with a digest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from dazoo.errors import WeightsError
from dazoo.metrics.novelty import MARKS
from dazoo.metrics.novelty import Familiar
from dazoo.models.tensors import check_file
from dazoo.models.tensors import read_header
from dazoo.models.tensors import read_tensors
from dazoo.models.tensors import write_tensors


MAX_ROWS = 100_000
"""Features in a bank."""


def write_familiar(path: Path, familiar: Familiar) -> None:
    """Write the file.

    Raises:
        WeightsError: values that are not finite.
        OSError: it cannot be written.
    """
    write_tensors(path, {"bank": familiar.bank, "marks": familiar.marks})


def read_familiar(path: Path, facts: Mapping[str, Any], width: int) -> Familiar:
    """Read the file, digest and shapes first.

    Args:
        facts: what config.json says of it.
        width: features of the model.

    Raises:
        WeightsError: a file that is missing or altered, or that does not fit.
    """
    check_file(path, facts)
    shapes = {name: shape for name, (_, shape) in read_header(path).items()}
    bank = shapes.get("bank", ())
    good = set(shapes) == {"bank", "marks"} and len(bank) == 2 and 0 < bank[0] <= MAX_ROWS and bank[1] == width
    if not good or shapes["marks"] != (MARKS,):
        raise WeightsError(f"{path} has {shapes}; expected 'bank' (1 to {MAX_ROWS}, {width}) and 'marks' ({MARKS},). Save the model again.")
    tensors = read_tensors(path)
    if not all(t.is_floating_point() for t in tensors.values()) or bool((tensors["marks"].diff() < 0).any()):
        raise WeightsError(f"{path} holds no shares of pictures (floating-point numbers, 'marks' rising). Save the model again.")
    return Familiar(tensors["bank"].to(torch.float16), tensors["marks"].float())
