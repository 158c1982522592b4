"""A cell of the benchmark, and the id that hashes all that can change its number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dazoo.registry.names import Recipe


PROTOCOL = 4
"""Version of how a number comes about (pictures, training, counting); it is part of every id, so older cells run again when it rises."""


@dataclass(frozen=True)
class Cell:
    """One recipe with one seed and fixed settings: the unit of the benchmark.

    Attributes:
        recipe: what is trained.
        seed: of the run.
        settings: flat settings as `dazoo.train` takes them, beyond what scenario and parts bring.
        identity: all that can change the number; never a path, a host or a time.
        larger: training pictures of the larger domain, which an epoch of one pass reads; 0 where nobody asks how long that takes.
    """

    recipe: Recipe
    seed: int
    settings: Mapping[str, Any]
    identity: Mapping[str, Any]
    larger: int = 0

    @cached_property
    def name(self) -> str:
        """The recipe's."""
        return str(self.recipe)

    @cached_property
    def id(self) -> str:
        """12 hexadecimal digits."""
        return digest(self.identity)

    @property
    def path(self) -> str:
        """Where it stands below a results folder."""
        return path_of(self.name, self.seed, self.id)


def path_of(name: str, seed: int, id: str) -> str:
    """Where a cell stands below a results folder; qualified names lose the colons that some file systems refuse."""
    return f"{name.replace(':', '.')}/seed{seed}-{id}"


def digest(identity: Mapping[str, Any]) -> str:
    """Hash of canonical JSON, 12 hexadecimal digits: the same on every machine, whatever the order of keys."""
    return hashlib.sha256(canonical(identity)).hexdigest()[:12]


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, without spaces and in ASCII.

    Raises:
        ValueError: a number that is not finite.
    """
    return _ENCODER.encode(value).encode()


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
