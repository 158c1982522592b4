"""Load a saved model by name, folder or Hub repository: safetensors alone, checked by sha256 before they are read, and strictly."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from dazoo.drafts import restore
from dazoo.engine.device import choose_device
from dazoo.errors import DazooError
from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError
from dazoo.models.build import build_backbone
from dazoo.models.config import FAMILIAR
from dazoo.models.config import METHOD
from dazoo.models.config import MODEL
from dazoo.models.config import WEIGHTS
from dazoo.models.config import read_config
from dazoo.models.familiar import read_familiar
from dazoo.models.gan_files import is_gan_folder
from dazoo.models.gan_files import read_gan
from dazoo.models.gan_files import read_gan_config
from dazoo.models.gan_model import GANModel
from dazoo.models.golden import compare_once
from dazoo.models.heads import rebuilt_method
from dazoo.models.hub import Hub
from dazoo.models.model import Model
from dazoo.models.parts import problem_of
from dazoo.models.provenance import settled
from dazoo.models.tensors import check_file
from dazoo.plain import digest_of
from dazoo.plain import expanded
from dazoo.plain import read_bounded
from dazoo.registry.names import KINDS
from dazoo.registry.names import Place
from dazoo.registry.names import locate
from dazoo.registry.names import parse
from dazoo.registry.plugins import zoo


if TYPE_CHECKING:
    from dazoo.registry.registry import Registration

CARD = "README.md"
MAX_CARD = 2**20
"""Bytes of a model card."""


@dataclass(frozen=True)
class Found:
    """The folder of a saved model. `compared`: its files were already compared with its config, and what lies beside them is a cache's."""

    folder: Path
    compared: bool = False


def load(ref: str | os.PathLike[str], *, device: str = "cpu", revision: str | None = None, hub: Hub | None = None) -> Model:
    """A trained model in eval mode. A GAN that was trained alone is loaded with `load_gan`.

    Args:
        ref: an entry's name ("fcn-dcgan-gtsrb2india", see `dazoo.list_entries`), a folder ("dir:runs/mine", a Path, or a
            string with a separator that names a folder), or "hub:user/repo", perhaps with "@revision".
        device: "cpu", "cuda", "cuda:N" or "auto".
        revision: branch, tag or commit on the Hub; a full commit hash that was loaded before needs no network.
        hub: where "hub:" looks and caches; the public Hub unless given.

    Raises:
        InvalidName, UnknownName, AmbiguousName: a reference that names nothing, or a part that no installed plugin brings.
        PluginError: an entry that is not called like the recipe of its model.
        WeightsError: a folder that is missing or incomplete, a file that is altered, or weights that do not fit.
        OfflineError: the Hub cannot be reached and the model is not in the cache.

    Warns:
        UserWarning: a plugin has another version than when the model was saved, and the model gives other logits (see `compare_once`).
    """
    where = choose_device(device)
    found = located(ref, revision, hub)
    model = read_folder(found.folder, compared=found.compared)
    compare_once(model, found.folder)
    return model.to(where)


def load_gan(ref: str | os.PathLike[str], *, device: str = "cpu", revision: str | None = None, hub: Hub | None = None) -> GANModel:
    """A GAN that was trained alone (`dazoo.train_gan`), in eval mode; see `load` for arguments and errors.

    Raises:
        SettingsError: the reference names a classifier; its own GAN draws with `load(ref).generate(n)`.
    """
    where = choose_device(device)
    found = located(ref, revision, hub)
    if not is_gan_folder(found.folder):
        raise SettingsError(f"{ref} is a classifier; load it with dazoo.load. A GAN that is part of it draws with its generate(n).")
    model = read_gan(found.folder, compared=found.compared)
    compare_once(model, found.folder)
    return model.to(where)


def located(ref: str | os.PathLike[str], revision: str | None = None, hub: Hub | None = None) -> Found:
    """The folder of what a reference names (see `load`); one on the Hub is fetched.

    Raises:
        InvalidName, UnknownName, AmbiguousName, WeightsError, OfflineError: see `load`.
    """
    place = locate(ref)
    found = _READERS[place.scheme](place, revision, hub or Hub())
    _check_there(found.folder)
    return found


def resolve_model(model: Model | str | os.PathLike[str], device: str = "cpu") -> Model:
    """A model as it is, or loaded by reference."""
    return model if isinstance(model, Model) else load(model, device=device)


def _from_folder(place: Place, revision: str | None, hub: Hub) -> Found:
    if revision is not None:
        raise SettingsError(f"revision is {revision!r}, but a folder has none; leave it out, or load from 'hub:user/repo'.")
    return Found(expanded(place.text))


def read_folder(folder: Path, *, compared: bool = False) -> Model:
    """Check and read a saved model's folder. One that a writer was killed over comes back first, see `restore`.

    Args:
        compared: see `Found`.

    Raises:
        WeightsError: see `load`.
    """
    _check_there(folder)
    if is_gan_folder(folder):
        raise SettingsError(f"{folder} holds a GAN that was trained alone: dazoo.load_gan({str(folder)!r}), or the commands 'dazoo gan'.")
    config = settled(read_config(folder / "config.json"))
    strangers = sorted(p.name for p in folder.glob("*.safetensors") if p.name not in config["files"])
    if strangers and not compared:
        what = "not listed" if strangers[0] in WEIGHTS else "unknown to dazoo"
        raise WeightsError(f"{folder / strangers[0]} is {what} in config.json, so nothing vouches for it; remove it.")
    for name, facts in config["files"].items() if not compared else ():
        check_file(folder / name, facts)
    backbone = build_backbone(config, folder / MODEL)
    card = read_card(folder / CARD)
    method = None
    if METHOD in config["files"]:
        problem = problem_of(backbone, config)
        method = rebuilt_method(zoo(), config, problem, folder / METHOD, config["files"][METHOD])
    familiar = None
    if FAMILIAR in config["files"]:
        familiar = read_familiar(folder / FAMILIAR, config["files"][FAMILIAR], backbone.num_features)
    return Model(backbone, config, method=method, weights=folder, card=card, familiar=familiar).eval()


def _check_there(folder: Path) -> None:
    """See that a saved folder is there; one that a writer was killed over comes back first."""
    restore(folder)
    if not folder.is_dir():
        raise WeightsError(f"{folder} is {'a file' if folder.exists() else 'not there'}; expected the folder of a saved model.")


def read_card(path: Path) -> str | None:
    """The text of a card; None where there is none that can be read."""
    try:
        return read_bounded(path, MAX_CARD).decode("utf-8", errors="replace").replace("\r\n", "\n")
    except (OSError, ValueError):  # a card is written from the config then
        return None


def _from_hub(place: Place, revision: str | None, hub: Hub, sha256: str | None = None) -> Found:
    repo, pinned = place.text, place.revision
    if pinned and revision and pinned != revision:
        raise SettingsError(f"'hub:{repo}@{pinned}' names the revision {pinned!r}, and revision= is {revision!r}; give one of them.")
    snapshot = hub.snapshot(repo, revision or pinned or "main")
    if sha256 is not None:
        _check_pin(snapshot.folder, sha256)
    return Found(snapshot.folder, compared=True)


def _from_entry(place: Place, revision: str | None, hub: Hub) -> Found:
    try:
        entry = zoo().entries.get(place.text)
    except UnknownName as exc:
        raise UnknownName(_advice(place.text, str(exc))) from None
    found = found_entry(entry, revision, hub)
    check_entry_name(entry, found.folder)
    return found


def found_entry(entry: Registration, revision: str | None, hub: Hub) -> Found:
    """The folder of an entry, as its target names it; its pin is compared, and its name is not.

    Raises:
        PluginError, WeightsError, OfflineError: see `load`.
    """
    pin = entry.arguments.get("sha256")
    if entry.target.startswith("hub:"):
        return _from_hub(locate(entry.target), revision, hub, None if revision else pin)
    folder = entry_folder(entry)
    if pin is not None:
        _check_pin(folder, pin)
    return _from_folder(locate(folder), revision, hub)


_READERS = {"name": _from_entry, "dir": _from_folder, "hub": _from_hub}
"""The folder of a saved model, by what its reference names."""


def entry_folder(entry: Registration) -> Path:
    """The folder inside the installed package that an entry's target "package:folder" names.

    Raises:
        PluginError: the package or the folder is not there as files.
    """
    package, _, inside = entry.target.partition(":")
    try:
        folder = resources.files(package).joinpath(*inside.split("/"))
    except (ModuleNotFoundError, TypeError) as exc:
        raise PluginError(f"The entry {entry.name!r} of {entry.dist} lies in {package!r}, which cannot be imported: {exc}.") from exc
    if not isinstance(folder, Path) or ".." in inside.split("/") or not folder.is_dir():
        raise PluginError(f"The entry {entry.name!r} has no folder {inside!r} in {package!r}; reinstall {entry.dist}.")
    return folder


def saved_config(folder: Path) -> dict[str, Any]:
    """The checked config of a saved folder, a classifier's or a GAN's.

    Raises:
        WeightsError: none that can be read.
    """
    return read_gan_config(folder) if is_gan_folder(folder) else read_config(folder / "config.json")


def entry_name(folder: Path) -> tuple[str, bool]:
    """What an entry with this saved model is called, and whether its name may go on behind that.

    It is the recipe. A model of own pictures has no scenario, and a GAN alone no recipe: their names may go on ("dcgan-leaves").

    Raises:
        WeightsError: a folder without a config that can be read.
    """
    config = saved_config(folder)
    if "gan" in config:
        parts, more = [config["gan"]], True
    else:
        recipe = config["recipe"]
        parts = [part for kind in KINDS if (part := recipe[kind] or (kind == "method" and not recipe["gan"] and "source"))]
        more = recipe["scenario"] is None
    return "-".join(part.rpartition(":")[2] for part in parts), more


def check_entry_name(entry: Registration, folder: Path) -> None:
    """See that an entry is called like the recipe of the model in its folder, so that nobody takes it for another one.

    Raises:
        PluginError: it is called otherwise.
        WeightsError: a folder without a config that can be read.
    """
    wanted, more = entry_name(folder)
    if entry.name != wanted and not (more and entry.name.startswith(f"{wanted}-")):
        raise PluginError(
            f"The entry {entry.name!r} of {entry.dist} holds a model of {wanted!r}. A person reads the name as the recipe: register it as "
            f"{wanted + '-...' if more else wanted!r}."
        )


def _check_pin(folder: Path, sha256: str) -> None:
    found = digest_of(folder / "config.json")["sha256"] if (folder / "config.json").is_file() else "nothing"
    if found != sha256:
        raise WeightsError(f"{folder / 'config.json'} is altered: its sha256 is {found}, the entry says {sha256}. Fetch it again.")


def _advice(name: str, message: str) -> str:
    """The message for a name without weights: how to get some, where it is a recipe."""
    try:
        parse(name, zoo())
    except DazooError:
        have = ", ".join(zoo().entries.names()[:5]) or "none is installed"
        return f"{message} Trained entries: {have}. A folder is written 'dir:{name}', a Hub repository 'hub:user/repo'."
    return f"{name!r} is a recipe without trained weights here. Train it with 'dazoo train {name}'. {message}"
