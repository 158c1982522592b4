"""Save a model as a folder: config.json, safetensors, a golden pair and the card, made whole by one rename."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dazoo.drafts import restore
from dazoo.drafts import whole_folder
from dazoo.engine.state import state_of
from dazoo.errors import WeightsError
from dazoo.models.answers import Answers
from dazoo.models.build import unwrapped
from dazoo.models.card import render_card
from dazoo.models.config import CRITIC
from dazoo.models.config import FAMILIAR
from dazoo.models.config import GENERATOR
from dazoo.models.config import GOLDEN
from dazoo.models.config import METHOD
from dazoo.models.config import MODEL
from dazoo.models.config import checked
from dazoo.models.config import config_text
from dazoo.models.familiar import write_familiar
from dazoo.models.heads import heads_of
from dazoo.models.loadable import check_loadable
from dazoo.models.provenance import versions
from dazoo.models.tensors import write_tensors
from dazoo.plain import again
from dazoo.plain import digest_of
from dazoo.plain import expanded
from dazoo.plain import unwritten


def save(
    model: Answers,
    folder: str | os.PathLike[str],
    *,
    card: str | Mapping[str, Any] | None = None,
    golden: bool = True,
    gan: bool = True,
) -> Path:
    """Write a model so that `dazoo.load(folder)` gives it back. The same model gives the same bytes.

    A folder that is there already is replaced if it holds a saved model, and only after the new one is whole. A backbone inside of
    DataParallel, DistributedDataParallel or torch.compile is saved without the wrapper.

    Args:
        folder: where to; its parents are made.
        card: text of README.md, or fields for its template (see `render_card`); the model's own card unless given.
        golden: store an input and the logits that this model gives for it, which `verify` compares.
        gan: save generators and critics too, where there are any.

    Returns:
        The folder.

    Raises:
        WeightsError: networks that `load` could not build from the model's config, weights that are not finite, a folder that holds
            something else, a disk that is full.
    """
    given = expanded(folder)
    final = given.absolute()
    parts = {**model.recipe, "augmentation": model.config.get("settings", {}).get("augment")}
    config = {**model.config, "plugins": versions(parts, model.config.get("plugins"))}
    config.pop("files", None)
    if model.familiar is None and "unknown" in config.get("calibration", {}):
        config["calibration"] = {k: v for k, v in config["calibration"].items() if k != "unknown"}
    try:
        check_place(final)
        modules = model.gan_parts() if gan and has_gan(model) else {}
        check_loadable(model, modules)
        with whole_folder(final) as draft:
            write_tensors(draft / MODEL, unwrapped(model.backbone).state_dict())
            if model.method is not None:
                write_tensors(draft / METHOD, state_of(heads_of(model.method)))
            for file, side in ((GENERATOR, "generator"), (CRITIC, "critic")):
                mine = {name: module for name, module in modules.items() if name.startswith(side)}
                if mine:
                    write_tensors(draft / file, state_of(mine))
            if model.familiar is not None:
                write_familiar(draft / FAMILIAR, model.familiar)
            if golden:
                write_tensors(draft / GOLDEN, golden_pair(model))
            config["files"] = {p.name: digest_of(p) for p in sorted(draft.iterdir())}
            config = checked(config, "The model's config", complete=True)
            (draft / "config.json").write_text(config_text(config), encoding="utf-8")
            for name, png in model.pictures.items():
                (draft / name).write_bytes(png if isinstance(png, bytes) else png.read_bytes())
            own = card is None and model.has_card
            fields = {"pictures": sorted(model.pictures), "address": _address(given), **(card if isinstance(card, Mapping) else {})}
            text = card if isinstance(card, str) else model.card if own else render_card(config, **fields)
            (draft / "README.md").write_text(text, encoding="utf-8")
    except OSError as exc:
        raise WeightsError(f"{unwritten(final, exc)} Nothing was changed there. {again(exc)}") from exc
    return final


def _address(folder: Path) -> str | None:
    """What a card tells `dazoo.load`: a relative folder as it was given; None for a place that means something on this machine alone."""
    text = folder.as_posix()
    return None if folder.is_absolute() or ".." in folder.parts else text if "/" in text else f"./{text}"


def check_place(folder: str | os.PathLike[str]) -> None:
    """See that a model can be saved in a folder, before one is trained for it. A model that a writer was killed over comes back first.

    Raises:
        WeightsError: it is a file, holds something else than a model, or cannot be written.
    """
    final = expanded(folder).absolute()
    restore(final)
    if final.exists() and not final.is_dir():
        raise WeightsError(f"{final} is a file; name a folder to save into.")
    if final.is_dir() and any(final.iterdir()) and not (final / "config.json").is_file():
        raise WeightsError(f"{final} holds something else than a saved model; name a new folder, so that nothing is overwritten.")
    parent = next(p for p in final.parents if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise WeightsError(f"{final} cannot be written: {parent} is no folder that can be written to. Name another folder.")


def has_gan(model: Answers) -> bool:
    """Whether a GAN is part of the recipe and its weights are here (a model may have been saved without)."""
    return model.recipe["gan"] is not None and GENERATOR in model.config.get("files", {GENERATOR: {}})


def golden_pair(model: Answers) -> dict[str, Tensor]:
    """An input (2, C, size, size) in [-1, 1] that every platform draws alike, and the logits (2, K) for it, in float32 on the CPU."""
    pixels = torch.randint(0, 256, (2, model.channels, model.size, model.size), generator=torch.Generator().manual_seed(0))
    images = pixels.float() / 127.5 - 1
    return {"input": images, "logits": model.reference(images)}
