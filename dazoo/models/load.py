"""Load a saved model by name, folder or Hub repository: safetensors alone, checked by sha256 before they are read, and strictly."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from dazoo.data.paths import expanded
from dazoo.engine.device import choose_device
from dazoo.errors import DazooError
from dazoo.errors import InvalidName
from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError
from dazoo.models.build import build_backbone
from dazoo.models.config import MODEL
from dazoo.models.config import WEIGHTS
from dazoo.models.config import read_config
from dazoo.models.hub import Hub
from dazoo.models.model import Model
from dazoo.models.tensors import AlteredFile
from dazoo.models.tensors import check_file
from dazoo.models.tensors import digest_of
from dazoo.registry.names import locate
from dazoo.registry.names import parse
from dazoo.registry.plugins import zoo


if TYPE_CHECKING:
    from dazoo.registry.registry import Entry

CARD = "README.md"


def load(ref: str | os.PathLike[str], *, device: str = "cpu", revision: str | None = None, hub: Hub | None = None) -> Model:
    """A trained model in eval mode.

    Args:
        ref: an entry's name ("fcn-dcgan-gtsrb2india", see `dazoo.list_entries`), a folder ("dir:runs/mine", a Path, or a
            string with a separator that names a folder), or "hub:user/repo", perhaps with "@revision".
        device: "cpu", "cuda", "cuda:N" or "auto".
        revision: branch, tag or commit on the Hub; a full commit hash that was loaded before needs no network.
        hub: where "hub:" looks and caches; the public Hub unless given.

    Raises:
        InvalidName, UnknownName, AmbiguousName: a reference that names nothing, or a part that no installed plugin brings.
        WeightsError: a folder that is missing or incomplete, a file that is altered, or weights that do not fit.
        OfflineError: the Hub cannot be reached and the model is not in the cache.
    """
    where = choose_device(device)
    if isinstance(ref, os.PathLike):
        return _from_folder(Path(ref), revision).to(where)
    if isinstance(ref, str) and ("/" in ref or os.sep in ref) and not ref.startswith(("dir:", "hub:")):
        if expanded(ref).is_dir():
            return _from_folder(Path(ref), revision).to(where)
        raise InvalidName(f"{ref!r} is no folder that exists. For a Hub repository write 'hub:{ref}'; for an entry give its name alone.")
    place = locate(ref)
    if place.scheme == "dir":
        return _from_folder(Path(place.text), revision).to(where)
    if place.scheme == "hub":
        return _from_hub(place.text, revision, hub or Hub()).to(where)
    return _from_entry(place.text, revision, hub or Hub()).to(where)


def _from_folder(folder: Path, revision: str | None) -> Model:
    if revision is not None:
        raise SettingsError(f"revision is {revision!r}, but a folder has none; leave it out, or load from 'hub:user/repo'.")
    return read_folder(expanded(folder))


def read_folder(folder: Path) -> Model:
    """Check and read a saved model's folder.

    Raises:
        WeightsError: see `load`.
    """
    if not folder.is_dir():
        raise WeightsError(f"{folder} is {'a file' if folder.exists() else 'not there'}; expected the folder of a saved model.")
    config = read_config(folder / "config.json")
    strangers = sorted(p.name for p in folder.glob("*.safetensors") if p.name not in config["files"])
    if strangers:
        what = "not listed" if strangers[0] in WEIGHTS else "unknown to dazoo"
        raise WeightsError(f"{folder / strangers[0]} is {what} in config.json, so nothing vouches for it; remove it.")
    for name, facts in config["files"].items():
        check_file(folder / name, facts)
    backbone = build_backbone(config, folder / MODEL)
    card = _read_card(folder / CARD)
    model = Model(
        backbone, recipe=config["recipe"], classes=config["classes"], channels=config["channels"], size=config["size"],
        config=config, weights=folder, card=card,
    )  # fmt: skip
    return model.eval()


def _read_card(path: Path) -> str | None:
    try:
        if path.stat().st_size <= 2**20:
            return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        pass  # a card is written from the config then
    return None


def _from_hub(text: str, revision: str | None, hub: Hub, sha256: str | None = None) -> Model:
    repo, at, pinned = text.partition("@")
    if at and not pinned:
        raise InvalidName(f"'hub:{text}' ends after '@'; write the revision behind it, or leave the '@' out.")
    if pinned and revision and pinned != revision:
        raise SettingsError(f"'hub:{text}' names the revision {pinned!r}, and revision= is {revision!r}; give one of them.")
    snapshot = hub.snapshot(repo, revision or pinned or "main")
    if sha256 is not None:
        _check_pin(snapshot.folder, sha256)
    for name in snapshot.files:
        try:
            check_file(snapshot.folder / name, snapshot.files[name])
        except AlteredFile:  # a broken transfer or cache, most often: throw the copy away and fetch it once more
            hub.refetch(snapshot, name)
            check_file(snapshot.folder / name, snapshot.files[name])
    return read_folder(snapshot.folder)


def _from_entry(name: str, revision: str | None, hub: Hub) -> Model:
    try:
        entry = zoo().entries.entry(name)
    except UnknownName as exc:
        raise UnknownName(_advice(name, str(exc))) from None
    pin = entry.settings.get("sha256")
    if entry.target.startswith("hub:"):
        return _from_hub(entry.target.removeprefix("hub:"), revision, hub, None if revision else pin)
    folder = entry_folder(entry)
    if pin is not None:
        _check_pin(folder, pin)
    return _from_folder(folder, revision)


def entry_folder(entry: Entry) -> Path:
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


def _check_pin(folder: Path, sha256: str) -> None:
    found = digest_of(folder / "config.json")["sha256"] if (folder / "config.json").is_file() else "nothing"
    if found != sha256:
        raise WeightsError(f"{folder / 'config.json'} is altered: its sha256 is {found}, the entry says {sha256}. Fetch it again.")


def _advice(name: str, message: str) -> str:
    """The message for a name without weights: how to get some, where it is a recipe."""
    try:
        parse(name)
    except DazooError:
        have = ", ".join(zoo().entries.names()[:5]) or "none is installed"
        return f"{message} Trained entries: {have}. A folder is written 'dir:{name}', a Hub repository 'hub:user/repo'."
    return f"{name!r} is a recipe without trained weights here. Train it with 'dazoo train {name}'. {message}"
