"""Sliced Wasserstein distance: equality, growth with what differs, and by level."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from dazoo.metrics.sliced import sliced_wasserstein


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return F.interpolate(torch.randn(64, 3, 8, 8, generator=random), 64, mode="bicubic") + 0.3 * torch.randn(
        64, 3, 64, 64, generator=random
    )


def test_a_set_is_at_no_distance_from_itself(pictures):
    assert sliced_wasserstein(pictures, pictures) == pytest.approx([0, 0, 0], abs=40)  # patches are drawn apart
    assert len(sliced_wasserstein(pictures, pictures)) == 3  # 64, 32 and 16 px


def test_lost_detail_is_seen_in_the_finest_level(pictures):
    halves = pictures[:32], pictures[32:]
    same = sliced_wasserstein(*halves)
    blurred = sliced_wasserstein(halves[0], F.avg_pool2d(halves[1], 3, 1, 1))
    assert blurred[0] > 1.5 * same[0]
    assert blurred[0] / same[0] > 1.2 * blurred[2] / same[2]


def test_other_colours_are_seen_in_the_coarsest_level(pictures):
    striped = pictures[32:].clone()
    striped[:, 0] += 2 * torch.sin(torch.arange(64.0) / 4)
    assert sliced_wasserstein(pictures[:32], striped)[2] > 2 * sliced_wasserstein(pictures[:32], pictures[32:])[2]


def test_the_seed_fixes_it_and_shapes_must_agree(pictures):
    assert sliced_wasserstein(pictures[:8], pictures[8:16], 1) == sliced_wasserstein(pictures[:8], pictures[8:16], 1)
    with pytest.raises(ValueError, match="cannot be compared"):
        sliced_wasserstein(pictures, pictures[:, :1])
