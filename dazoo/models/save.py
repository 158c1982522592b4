"""Save a model as a folder: config.json, safetensors, a golden pair and the card, made whole by one rename."""

from __future__ import annotations

import copy
import os
import shutil
import uuid
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dazoo.data.paths import expanded
from dazoo.errors import DazooError
from dazoo.errors import WeightsError
from dazoo.models.build import part_state
from dazoo.models.card import render_card
from dazoo.models.config import CRITIC
from dazoo.models.config import GENERATOR
from dazoo.models.config import GOLDEN
from dazoo.models.config import MODEL
from dazoo.models.config import checked
from dazoo.models.config import config_text
from dazoo.models.model import Model
from dazoo.models.tensors import digest_of
from dazoo.models.tensors import write_tensors
from dazoo.plain import to_disk
from dazoo.registry.plugins import zoo
from dazoo.version import __version__


def save(
    model: Model,
    folder: str | os.PathLike[str],
    *,
    card: str | Mapping[str, Any] | None = None,
    golden: bool = True,
    gan: bool = True,
) -> Path:
    """Write a model so that `dazoo.load(folder)` gives it back. The same model gives the same bytes.

    A folder that is there already is replaced if it holds a saved model, and only after the new one is whole.

    Args:
        folder: where to; its parents are made.
        card: text of README.md, or fields for its template (see `render_card`); the model's own card unless given.
        golden: store an input and the logits that this model gives for it, which `verify` compares.
        gan: save generators and critics too, where there are any.

    Returns:
        The folder.

    Raises:
        WeightsError: weights that are not finite, a folder that holds something else, a disk that is full.
    """
    final = expanded(folder).absolute()
    _check_place(final)
    config = {**model.config, "plugins": versions(model.recipe)}
    config.pop("files", None)
    part = final.with_name(f".{final.name}-{uuid.uuid4().hex[:8]}")
    try:
        part.mkdir(parents=True)
        write_tensors(part / MODEL, model.backbone.state_dict())
        modules = model.gan_parts() if gan and has_gan(model) else {}
        for file, side in ((GENERATOR, "generator"), (CRITIC, "critic")):
            mine = {name: module for name, module in modules.items() if name.startswith(side)}
            if mine:
                write_tensors(part / file, part_state(mine))
        if golden:
            write_tensors(part / GOLDEN, golden_pair(model))
        config["files"] = {p.name: digest_of(p) for p in sorted(part.iterdir())}
        config = checked(config, "The model's config", complete=True)
        (part / "config.json").write_text(config_text(config), encoding="utf-8")
        text = card if isinstance(card, str) else model.card if card is None and model.has_card else render_card(config, **(card or {}))
        (part / "README.md").write_text(text, encoding="utf-8")
        _commit(part, final)
    except OSError as exc:
        raise WeightsError(f"{final} cannot be written: {exc.strerror or exc}. Nothing was changed there.") from exc
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return final


def has_gan(model: Model) -> bool:
    """Whether a GAN is part of the recipe and its weights are here (a model may have been saved without)."""
    return model.recipe["gan"] is not None and GENERATOR in model.config.get("files", {GENERATOR: {}})


def golden_pair(model: Model) -> dict[str, Tensor]:
    """An input (2, C, size, size) in [-1, 1] that every platform draws alike, and the logits (2, K) for it, in float32 on the CPU."""
    pixels = torch.randint(0, 256, (2, model.channels, model.size, model.size), generator=torch.Generator().manual_seed(0))
    images = pixels.float() / 127.5 - 1
    return {"input": images, "logits": golden_logits(model, images)}


def golden_logits(model: Model, images: Tensor) -> Tensor:
    """Logits (N, K) of a copy in eval mode on the CPU."""
    with torch.inference_mode():
        return copy.deepcopy(model.backbone).cpu().float().eval()(images).float()


def versions(recipe: Mapping[str, str | None]) -> dict[str, str]:
    """Versions of dazoo, of the distributions that bring the parts, and of those that the parts wrap, by distribution."""
    found = {"dazoo": __version__}
    for kind, registry in zoo().registries().items():
        if recipe.get(kind):
            try:
                entry = registry.entry(recipe[kind])
            except DazooError:  # a part that is not installed here
                continue
            if entry.dist:
                found[entry.dist] = entry.version or "0"
            if entry.wraps:
                found[entry.wraps] = metadata.version(entry.wraps)
    return {dist: found[dist] for dist in ("dazoo", *sorted(set(found) - {"dazoo"}))}


def _check_place(final: Path) -> None:
    if final.exists() and not final.is_dir():
        raise WeightsError(f"{final} is a file; name a folder to save into.")
    if final.is_dir() and any(final.iterdir()) and not (final / "config.json").is_file():
        raise WeightsError(f"{final} holds something else than a saved model; name a new folder, so that nothing is overwritten.")


def _commit(part: Path, final: Path) -> None:
    """Put the finished folder in its place; what was there is restored if that fails."""
    for file in (*part.iterdir(), part):
        to_disk(file)
    old = None
    if final.exists():
        old = final.with_name(f".{final.name}-{uuid.uuid4().hex[:8]}-old")
        os.replace(final, old)
    try:
        os.replace(part, final)
    except OSError:
        if old is not None:
            os.replace(old, final)
        raise
    to_disk(final.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
