"""Traffic signs: German, Indian, Chinese and drawn ones, and the scenarios between them."""

from __future__ import annotations

from collections.abc import Callable

from dazoo import hookimpl


dazoo_api = 1

_DRAWN = "dazoo_signs.synsigns.dataset:SynSigns"
_SETTINGS = {
    "size": 40,
    "balance": True,
    "augment": "signs",
    "batch": 96,
    "label_smoothing": 0.1,
    "ema": 0.99,
    "epochs": 10,
    "steps_per_epoch": 150,
}


@hookimpl
def dazoo_register_datasets(register: Callable[..., None]) -> None:
    register("gtsrb", "dazoo_signs.gtsrb:GTSRB", summary="German traffic signs, 43 classes (Stallkamp et al. 2012)")
    register("india", "dazoo_signs.india:India", summary="Indian traffic signs: class folders, IndianTSR with VOC boxes, or an archive")
    register("china", "dazoo_signs.china:China", summary="Chinese traffic signs, the 23 most frequent classes of TSRD (Huang 2017)")
    register("synsigns_vienna", _DRAWN, summary="Drawn signs in the German look, 22 classes", variant="vienna")
    register("synsigns_indian", _DRAWN, summary="Drawn signs in the Indian look, 22 classes", variant="indian")


@hookimpl
def dazoo_register_scenarios(register: Callable[..., None]) -> None:
    register(
        "gtsrb2india",
        "dazoo.contracts.dataset:Scenario",
        summary="German to Indian signs, the 22 classes that both countries have",
        source="gtsrb",
        target="india",
        mapping="dazoo_signs:gtsrb2india.csv",
        settings=_SETTINGS,
    )
    register(
        "gtsrb2china",
        "dazoo.contracts.dataset:Scenario",
        summary="German to Chinese signs, 11 classes",
        source="gtsrb",
        target="china",
        mapping="dazoo_signs:gtsrb2china.csv",
        settings=_SETTINGS,
    )
    register(
        "gtsrb_synsigns2india",
        "dazoo.contracts.dataset:Scenario",
        summary="German signs and drawn Indian ones to Indian photographs, 22 classes",
        source=("gtsrb", "synsigns_indian"),
        target="india",
        mapping="dazoo_signs:gtsrb2india.csv",
        settings=_SETTINGS,
    )
    register(
        "synsigns",
        "dazoo.contracts.dataset:Scenario",
        summary="Drawn signs, from the German look to the Indian one, 22 classes; needs no download",
        source="synsigns_vienna",
        target="synsigns_indian",
        settings=_SETTINGS,
    )


@hookimpl
def dazoo_register_augmentations(register: Callable[..., None]) -> None:
    register("signs", "dazoo_signs.augment:Signs", summary="Traffic signs: tilt, light and blur of a street, never a flip")


@hookimpl
def dazoo_register_entries(register: Callable[..., None]) -> None:
    drawn, adapted, alone = "fcn-source-gtsrb_synsigns2india", "fcn-dcgan-gtsrb2india", "fcn-source-gtsrb2india"
    register(drawn, f"dazoo_signs:entries/{drawn}", summary="Reads Indian signs, learnt from German photographs and drawn Indian signs")
    large = "timm_tf_efficientnet_lite0_pretrained-source-gtsrb_synsigns2india"
    register(large, f"dazoo_signs:entries/{large}", summary="The same from ImageNet weights: EfficientNet-Lite0, 64 px, features of 1280")
    register(adapted, f"dazoo_signs:entries/{adapted}", summary="Reads Indian signs, learnt from German labels; its GAN draws signs")
    register(alone, f"dazoo_signs:entries/{alone}", summary="Its source-only twin, for comparison")
    register("cgan-gtsrb", "dazoo_signs:entries/cgan-gtsrb", summary="Draws German signs of the class that is asked for")
    register("pix2pix-gtsrb", "dazoo_signs:entries/pix2pix-gtsrb", summary="Gives grey signs colours")
    register("context_encoder-gtsrb", "dazoo_signs:entries/context_encoder-gtsrb", summary="Fills the middle of signs")
