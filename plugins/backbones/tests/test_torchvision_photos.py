"""The augmentation `photos`: every picture its own draw, in range, seeded by torch alone, in colour and grey."""

from __future__ import annotations

import pytest
import torch

from dazoo.registry.plugins import zoo
from dazoo.testing import check


@pytest.fixture(scope="module")
def photos():
    return zoo().augmentations.build("photos")


def batch(n: int = 8, channels: int = 3, side: int = 48) -> torch.Tensor:
    ramp = torch.linspace(-0.9, 0.9, side)
    one = torch.stack([ramp.expand(side, side), ramp.expand(side, side).t(), ramp.expand(side, side) * 0.3])[:channels]
    return one.expand(n, -1, -1, -1).contiguous(memory_format=torch.channels_last)


def test_the_contract() -> None:
    assert check("augmentation", "photos") == {}


@pytest.mark.parametrize("view", ["weak", "strong"])
@pytest.mark.parametrize("channels", [1, 3])
def test_draws(photos, view: str, channels: int) -> None:
    x, change = batch(channels=channels), getattr(photos, view)
    before = x.clone()
    torch.manual_seed(3)
    one = change(x)
    torch.manual_seed(3)
    again = change(x)
    assert torch.equal(one, again) and not torch.equal(one, change(x))
    assert torch.equal(x, before) and one.shape == x.shape and one.dtype == x.dtype
    assert -1 <= one.min() and one.max() <= 1
    assert len({p.numpy().tobytes() for p in one}) > len(x) // 2, "equal pictures become different ones"
    assert one.is_contiguous(memory_format=torch.channels_last)


def test_the_weak_view_moves_and_mirrors_and_keeps_colours(photos) -> None:
    torch.manual_seed(0)
    x = batch(64)
    weak = photos.weak(x)
    slopes = (weak[:, 0, :, -1] - weak[:, 0, :, 0]).mean(1)  # of the ramp from left to right
    assert (slopes < 0).float().mean() == pytest.approx(0.5, abs=0.2), "half are mirrored"
    assert slopes.abs().max() <= 1.81 and slopes.abs().min() < 1.6, "a part is shown, enlarged"
    ratio = weak[:, 2] / weak[:, 0].where(weak[:, 0].abs() > 0.2, torch.nan)
    assert ratio.nanmean() == pytest.approx(0.3, abs=0.01), "colours stay"
    strong = photos.strong(x)
    assert (strong - weak).abs().mean() > 0.05
