"""Seeds: the one that a person gives, and those of the generators that follow from it."""

from __future__ import annotations

import hashlib
import operator
from typing import Any

from dazoo.errors import SettingsError
from dazoo.plain import native
from dazoo.plain import shown


LARGEST = 2**63 - 1
"""The largest seed that dazoo takes. Every clock fits in (`time.time_ns()` is about 2**61)."""
PLAIN = 2**40
"""From this seed on, a formula could leave torch's range of 64 bits, so a hash takes its place."""

_FORMULAS = {
    "step": lambda seed, step, rank: seed * 1_000_003 + step + rank * 15_485_863,
    "source": lambda seed, step, rank: 2 * seed,
    "target": lambda seed, step, rank: 2 * seed + 1,
}


def checked_seed(seed: Any) -> int:
    """A person's seed as a Python integer.

    Raises:
        SettingsError: it is no whole number of 0 to 2**63 - 1.
    """
    try:
        number = operator.index(native(seed)) if not isinstance(native(seed), bool) else -1
    except TypeError:
        number = -1
    if not 0 <= number <= LARGEST:
        raise SettingsError(f"seed is {shown(seed)}; expected a whole number of 0 to {LARGEST}.")
    return number


def seed_for(seed: int, *, purpose: str, step: int = 0, rank: int = 0) -> int:
    """The seed of one generator of a run, in 0 .. 2**63 - 1, which torch and NumPy take.

    Args:
        seed: of the run, see `checked_seed`.
        purpose: "step" (torch, before each step), "source" or "target" (the order of their batches).
        step: number of the step, below 2**40. rank: number of the process among those that train one model together.

    Raises:
        SettingsError: see `checked_seed`.
    """
    seed = checked_seed(seed)
    if seed < PLAIN:
        return _FORMULAS[purpose](seed, step, rank)
    digest = hashlib.sha256(f"{purpose} {seed} {step} {rank}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
