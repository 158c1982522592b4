"""Every seed that is taken leads to seeds that torch and NumPy take, and small ones to those that they always led to."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from dazoo.engine.seeds import LARGEST
from dazoo.engine.seeds import PLAIN
from dazoo.engine.seeds import checked_seed
from dazoo.engine.seeds import seed_for
from dazoo.errors import SettingsError


PURPOSES = ("step", "source", "target")


@pytest.mark.parametrize("seed", [0, 1, 17, PLAIN - 1])
def test_small_seeds_give_what_they_always_gave(seed):
    assert seed_for(seed, purpose="step", step=5, rank=2) == seed * 1_000_003 + 5 + 2 * 15_485_863
    assert seed_for(seed, purpose="source") == 2 * seed
    assert seed_for(seed, purpose="target") == 2 * seed + 1


@pytest.mark.parametrize("seed", [PLAIN - 1, PLAIN, time.time_ns(), LARGEST], ids=["small", "plain", "clock", "largest"])
@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_seed_ends_in_the_range_of_the_generators(seed, purpose):
    found = seed_for(seed, purpose=purpose, step=10**9, rank=10_000)
    assert 0 <= found <= LARGEST
    torch.Generator().manual_seed(found)
    np.random.default_rng((found, 1, 10**9))


def test_large_seeds_differ_by_purpose_step_and_process():
    found = {seed_for(s, purpose=p, step=n, rank=r) for s in (PLAIN, LARGEST) for p in PURPOSES for n in (0, 1) for r in (0, 1)}
    assert len(found) == 24


@pytest.mark.parametrize("seed", [-1, LARGEST + 1, 10**5000, 1.0, "1", None, True, float("nan")], ids=lambda s: str(type(s)))
def test_what_is_no_seed_is_told_with_the_range(seed):
    with pytest.raises(SettingsError, match=rf"seed is .*expected a whole number of 0 to {LARGEST}"):
        checked_seed(seed)


def test_whole_numbers_of_numpy_are_seeds():
    assert type(checked_seed(np.int64(3))) is int
