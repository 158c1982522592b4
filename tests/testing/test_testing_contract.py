"""The contract kit over everything that the built-in plugins bring, as a plugin's author would use it."""

from __future__ import annotations

import pytest

from dazoo.testing import Clause
from dazoo.testing import parametrize_with_contract


# A few of each family in the quick run; the rest of torchvision's and timm's have their own tests and the slow sweep below.
BACKBONES = [
    "fcn",
    "lenet",
    "dtn",
    "tv_shufflenet_v2_x0_5",
    "tv_squeezenet1_1",
    "timm_test_resnet",
    "timm_test_convnext",
    "timm_test_vit",
    "timm_test_mambaout",
]
SLOW = [
    "tv_resnet18",
    "tv_convnext_tiny",
    "tv_swin_t",
    "tv_vit_b_16",
    "timm_resnet18",
    "timm_efficientnet_b0",
    "timm_swin_tiny_patch4_window7_224",
]
SMALL = {"fcn": {"width": 8}}
SMALL_GANS = {
    "vanilla": {},
    "dcgan": {"width": 8},
    "stylegan": {"width": 4, "style": 16},
    "r3gan": {"width": 16},
    "cyclegan": {"width": 4, "blocks": 1, "pool": 4},
    "context_encoder": {"width": 4, "bottleneck": 16},
    "srgan": {"width": 4, "blocks": 1},
    "*": {"width": 4},
}


@parametrize_with_contract("plugin")
def test_plugins(clause: Clause) -> None:
    clause()


@parametrize_with_contract("backbone", BACKBONES, settings=SMALL)
def test_backbones(clause: Clause) -> None:
    clause()


@pytest.mark.slow
@parametrize_with_contract("backbone", SLOW)
def test_large_backbones(clause: Clause) -> None:
    clause()


@parametrize_with_contract("method")
def test_methods(clause: Clause) -> None:
    clause()


@parametrize_with_contract("bridge")
def test_bridges(clause: Clause) -> None:
    clause()


@parametrize_with_contract("validator")
def test_validators(clause: Clause) -> None:
    clause()


@parametrize_with_contract("scenario", ["gtsrb2india", "gtsrb_synsigns2india", "mnist2usps", "optdigits2optdigits_m"])
def test_scenarios(clause: Clause) -> None:
    clause()


@parametrize_with_contract("dataset", ["gtsrb", "india", "mnist", "optdigits"])
def test_datasets(clause: Clause) -> None:
    """Most of them are not here, and say so."""
    clause()


@parametrize_with_contract("entry")
def test_entries(clause: Clause) -> None:
    clause()


@parametrize_with_contract("augmentation")
def test_augmentations(clause: Clause) -> None:
    clause()


@parametrize_with_contract("gan", settings=SMALL_GANS)
def test_gans(clause: Clause) -> None:
    clause()
