"""A head of another width, seeds out of range, and a Hub client that finds no home folder."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from torch import nn

from dazoo.data import cache_dir
from dazoo.errors import SettingsError
from dazoo.models.create import create
from dazoo.models.hub import Hub
from dazoo.models.model import Model


PICTURE = np.zeros((40, 40, 3), np.uint8)


@pytest.mark.parametrize("width", [1, 7])
def test_a_head_of_another_width_is_told_with_both_numbers(model: Model, width: int) -> None:
    classes, head = len(model.classes), model.backbone.head
    model.backbone.head = nn.Linear(head.in_features, width)
    for ask in (model.predict, model.dense):
        with pytest.raises(SettingsError, match=rf"has {width} outputs, the model .* {classes} classes .*\(1, {width}"):
            ask(PICTURE)


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4)])
def test_logits_without_the_axis_of_classes(model: Model, shape: tuple[int, ...]) -> None:
    if len(shape) > 1 and shape[1] == len(model.classes):
        shape = (2, len(model.classes) + 1, 4)
    with pytest.raises(SettingsError, match="logits of shape"):
        model.check_width(torch.zeros(shape))


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64, 10**5000, 1.5], ids=range(5))
def test_seeds_out_of_range(model: Model, seed: float) -> None:
    for call in (lambda: model.generate(1, labels=0, seed=seed), lambda: create("tiny-tinygan-left2right", seed=seed)):
        with pytest.raises(SettingsError, match="seed is .*9223372036854775807"):
            call()


def test_the_largest_seed(model: Model) -> None:
    first, second = (model.generate(1, labels=0, seed=2**63 - 1) for _ in range(2))
    assert torch.equal(first, second)


def test_without_a_home_folder_the_hub_is_kept_in_our_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client would make a folder called "~" where the program was started, or fail in it."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "~/.cache/huggingface/hub")
    assert Hub().cache_dir == cache_dir() / "hub"
    assert Hub(cache_dir="x").cache_dir == "x"
