"""The entries that ship: they load by name, give the stored logits, and read signs that were drawn for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dazoo
from dazoo.models.config import GOLDEN
from dazoo.models.tensors import read_tensors
from dazoo.models.verify import verify
from dazoo_signs.synsigns import CLASSES
from dazoo_signs.synsigns import draw


NAMES = (
    "fcn-dcgan-gtsrb2india",
    "fcn-source-gtsrb2india",
    "fcn-source-gtsrb_synsigns2india",
    "timm_tf_efficientnet_lite0_pretrained-source-gtsrb_synsigns2india",
)


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_gives_its_golden_logits(name):
    assert verify(name).difference < 1e-3
    model = dazoo.load(name)
    golden = read_tensors(model.folder / GOLDEN)
    with torch.no_grad():
        model.backbone.head.bias[0] += 0.5
    assert not torch.allclose(model.reference(golden["input"]), golden["logits"], atol=1e-2), "the pair must be able to differ"


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_reads_drawn_indian_signs_far_better_than_chance(name):
    images, labels = draw(110, variant="indian", seed=5, size=48)
    model = dazoo.load(name)
    assert model.classes == CLASSES and not model.training
    found = np.array([p.index for p in model.predict(images)])
    assert (found == labels).mean() > 0.3  # chance is 1 in 22


def test_the_adapted_entry_draws_and_its_card_has_the_numbers_of_both_data_sets():
    model = dazoo.load(NAMES[0])
    drawn = model.generate(3, labels="Stop", seed=1)
    assert drawn.shape == (3, 3, model.size, model.size) and drawn.std() > 0.1
    numbers = model.config["results"]["numbers"]
    assert set(numbers) == {"source_only", "last", "chosen", "oracle"} and all(row["n"] >= 3 for row in numbers.values())
    for words in ("academic research purposes only", "GTSRB", "dazoo train fcn-dcgan-gtsrb2india"):
        assert words in model.card
