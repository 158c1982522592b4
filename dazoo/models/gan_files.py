"""A GAN without a classifier as a folder: config.json, its generators and critics, and a golden picture. Written whole, read strictly."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch import nn

from dazoo.bridges.alone import Alone
from dazoo.bridges.alone import Nobody
from dazoo.contracts import Problem
from dazoo.drafts import whole_folder
from dazoo.engine.state import state_of
from dazoo.errors import DazooError
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo.models.bridging import fill
from dazoo.models.bridging import gan_modules
from dazoo.models.bridging import make_gan
from dazoo.models.build import without_memory
from dazoo.models.config import CRITIC
from dazoo.models.config import GAN_KEY
from dazoo.models.config import GENERATOR
from dazoo.models.config import GOLDEN
from dazoo.models.config import SCHEMA
from dazoo.models.config import checked_gan
from dazoo.models.config import config_text
from dazoo.models.config import read_outer
from dazoo.models.gan_card import gan_card
from dazoo.models.gan_model import GANModel
from dazoo.models.provenance import explained
from dazoo.models.provenance import settled
from dazoo.models.provenance import versions
from dazoo.models.save import check_place
from dazoo.models.tensors import check_file
from dazoo.models.tensors import check_fit
from dazoo.models.tensors import write_tensors
from dazoo.plain import again
from dazoo.plain import digest_of
from dazoo.plain import expanded
from dazoo.plain import unwritten
from dazoo.registry.plugins import Plugins
from dazoo.registry.plugins import zoo


SIDES = ((GENERATOR, "generator"), (CRITIC, "critic"))


def build_game(plugins: Plugins, config: Mapping[str, Any]) -> Alone:
    """The GAN of a config as it plays alone, with random weights.

    Args:
        config: `gan`, its registered name; `gan_settings`, its arguments; `channels`, `size` and `classes`.

    Raises:
        UnknownName: no installed plugin brings it. SettingsError: arguments that it refuses, or pictures too small for it.
    """
    classes = max(1, len(config["classes"]))
    problem = Problem(Nobody(), classes, config["channels"], config["size"], (1,) * classes, 1)
    return Alone(problem, partial(make_gan, plugins, config["gan"], problem, config.get("gan_settings", {})))


def save_gan(model: GANModel, folder: str | os.PathLike[str], *, critic: bool = True, address: str | None = None) -> Path:
    """Write a GAN so that `dazoo.load_gan(folder)` gives it back. The same one gives the same bytes.

    Args:
        folder: where to; a saved model that is there already is replaced, and only after the new one is whole.
        critic: save the critics too, so that training can be looked at later.
        address: what `dazoo.load_gan` will take for it, said in its card: an entry's name. The folder, unless given.

    Raises:
        WeightsError: weights that are not finite, a folder that holds something else, a disk that is full.
    """
    final = expanded(folder).absolute()
    config = {"schema": SCHEMA, **model.config, "plugins": versions({"gan": model.config["gan"]}, model.config.get("plugins"))}
    config.pop("files", None)
    try:
        check_place(final)
        with whole_folder(final) as draft:
            for file, side in SIDES if critic else SIDES[:1]:
                mine = {name: module for name, module in model.modules().items() if name.startswith(side)}
                if mine:
                    write_tensors(draft / file, state_of(mine))
            write_tensors(draft / GOLDEN, golden(model))
            config["files"] = {p.name: digest_of(p) for p in sorted(draft.iterdir())}
            (draft / "config.json").write_text(
                config_text(checked_gan(config, "The GAN's config", complete=True), GAN_KEY), encoding="utf-8"
            )
            (draft / "README.md").write_text(gan_card(config, model.verbs(), address), encoding="utf-8")
    except OSError as exc:
        raise WeightsError(f"{unwritten(final, exc)} Nothing was changed there. {again(exc)}") from exc
    return final


def is_gan_folder(folder: Path) -> bool:
    """Whether a saved folder holds a GAN without a classifier."""
    return isinstance(read_outer(folder / "config.json").get(GAN_KEY), dict)


def read_gan_config(folder: Path) -> dict[str, Any]:
    """The checked config of a saved GAN.

    Raises:
        WeightsError: a config out of bounds, or of a classifier.
    """
    file = folder / "config.json"
    return checked_gan(read_outer(file).get(GAN_KEY) or {}, str(file), complete=True)


def read_gan(folder: Path, *, compared: bool = False) -> GANModel:
    """Check and read a saved GAN.

    It is first built without memory and compared with the files' headers.

    Args:
        compared: its files were already compared with its config.

    Raises:
        UnknownName: no installed plugin brings it. WeightsError: files that are missing, altered or do not fit, or a config out of bounds.
    """
    config = settled(read_gan_config(folder))
    for name, facts in config["files"].items() if not compared else ():
        check_file(folder / name, facts)
    sides = {name: facts for name, facts in config["files"].items() if name != GOLDEN}
    try:
        with explained(config), without_memory():
            sketch: dict[str, nn.Module] = gan_modules(build_game(zoo(), config))
        for file in sides:
            mine = {name: module for name, module in sketch.items() if name.startswith(file.partition(".")[0])}
            check_fit(folder / file, state_of(mine), f"the GAN {config['gan']!r}")
        with torch.random.fork_rng([]):
            game = build_game(zoo(), config)
    except DazooError:
        raise
    except Exception as exc:  # whatever torch or a plugin says of a width of -1 or of 2**60
        reason = f"{type(exc).__name__}: {' '.join(str(exc).split())[:300]}"
        raise WeightsError(f"{folder}: the GAN {config['gan']!r} refuses {config.get('gan_settings', {})} ({reason}).") from exc
    fill(gan_modules(game), folder, sides)
    return GANModel(game, config).eval()


def golden(model: GANModel) -> dict[str, Tensor]:
    """Pictures that it makes in eval mode with a fixed seed, and what they were made from, in float32 on the CPU."""
    training = [m for module in model.modules().values() for m in module.modules() if m.training]
    model.eval()
    try:
        return _golden(model)
    finally:
        for module in training:
            module.training = True


def _golden(model: GANModel) -> dict[str, Tensor]:
    if "images" not in model.gan.takes:
        return {"drawn": model.generate(2, seed=0)}
    pixels = torch.randint(0, 256, (2, model.channels, model.size, model.size), generator=torch.Generator().manual_seed(0))
    given = model.gan.start(pixels.float() / 127.5 - 1)
    return {"input": given, "drawn": model.from_given(given)}


def verify_gan(model: GANModel, folder: Path) -> float:
    """Largest difference between the golden pictures of a folder and what the model makes now, in [0, 2].

    Raises:
        SettingsError: the folder has none. WeightsError: what it has are no golden pictures.
    """
    from dazoo.models.tensors import read_tensors

    if not (folder / GOLDEN).is_file():
        raise SettingsError(f"{folder} has no {GOLDEN}, so nothing can be compared.")
    kept = read_tensors(folder / GOLDEN)
    shape = (model.channels, model.size, model.size)
    given = model.gan.start(torch.zeros(1, *shape)).shape[1:] if "images" in model.gan.takes else None
    fits = {"drawn": shape} if given is None else {"drawn": shape, "input": tuple(given)}
    if {name: tuple(tensor.shape[1:]) for name, tensor in kept.items()} != fits or not all(len(tensor) for tensor in kept.values()):
        raise WeightsError(f"{folder / GOLDEN} holds no golden pictures of {model.name}; save it again.")
    now = model.from_given(kept["input"]) if "input" in kept else model.generate(len(kept["drawn"]), seed=0)
    return float((now - kept["drawn"]).abs().max())
