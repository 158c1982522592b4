"""Class names or indices, as a person gives them."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from dazoo.errors import SettingsError
from dazoo.plain import native
from dazoo.registry.registry import did_you_mean


def label_indices(labels: Any, n: int, classes: Sequence[str]) -> Tensor:
    """One class for each of `n` pictures, or one for all, as indices (n,) int64.

    Args:
        labels: names or indices.

    Raises:
        SettingsError: another number of them, or one that is no class.
    """
    labels = native(labels)
    if isinstance(labels, str | int | float):
        labels = [labels] * n
    many = labels.tolist() if hasattr(labels, "tolist") else native(list(labels))
    if len(many) != n:
        raise SettingsError(f"There are {len(many)} labels for {n} pictures; give one for each, or one for all.")
    indices = []
    for label in many:
        index = classes.index(label) if label in classes else label
        if not isinstance(index, Integral) or not 0 <= int(index) < len(classes):
            expected = f"expected a name such as {classes[0]!r}, or an index below {len(classes)}"
            raise SettingsError(f"label {label!r} is no class; {expected}.{did_you_mean(str(label), classes)}")
        indices.append(int(index))
    return torch.tensor(indices)
