"""Which distributions a saved model was made with: names that several bring now, what to install where one is missing, other versions."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from importlib import metadata
from typing import Any

from dazoo.errors import DazooError
from dazoo.errors import UnknownName
from dazoo.registry.discovery import CORE
from dazoo.registry.folders import FOLDERS
from dazoo.registry.folders import from_file
from dazoo.registry.plugins import zoo
from dazoo.version import __version__


_FILE = f"start dazoo with --plugins-dir and its folder, or set {FOLDERS}"


def versions(recipe: Mapping[str, str | None], known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Versions of dazoo, of the distributions that bring the parts, and of those that the parts wrap, by distribution.

    Args:
        recipe: names by kind.
        known: what is on record already; it stays as far as a part is not installed here.
    """
    found: dict[str, str] = {}
    kept = False
    for kind, registry in zoo().registries().items():
        if name := recipe.get(kind):
            try:
                entry = registry.get(name)
            except DazooError:
                kept = True
                continue
            if entry.dist:
                found[entry.dist] = entry.version or "0"
            if entry.wraps:
                found[entry.wraps] = metadata.version(entry.wraps)
    found = {**(known or {} if kept else {}), **found}
    found.pop(CORE, None)  # this one runs, whatever an older installation says
    return {CORE: __version__, **dict(sorted(found.items()))}


def settled(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config whose parts are brought by one distribution each: of several, the one that the model was saved with."""
    made, recorded = dict(config), config.get("plugins", {})
    registries = zoo().registries()

    def spelt(kind: str, name: str | None) -> str | None:
        found = [] if name is None else registries[kind].find(name)
        mine = [r for r in found if r.dist in recorded]
        return mine[0].qualified if len(found) > 1 and len(mine) == 1 else name

    if "recipe" in config:
        made["recipe"] = {kind: spelt(kind, name) for kind, name in config["recipe"].items()}
    if "gan" in config:
        made["gan"] = spelt("gan", config["gan"])
    return made


@contextmanager
def explained(config: Mapping[str, Any], what: str = "The model was saved") -> Iterator[None]:
    """A block that looks parts of a config up; an unknown name says what to install, as far as the model (or the run) recorded it.

    Raises:
        UnknownName: with the advice.
    """
    try:
        yield
    except UnknownName as exc:
        if not config.get("plugins"):
            raise
        raise UnknownName(f"{exc} {_advice(config['plugins'], what)}") from exc


def _advice(recorded: Mapping[str, str], what: str) -> str:
    """What is missing of the distributions that a model was saved with, and how to get it."""
    files = [dist for dist, version in recorded.items() if from_file(version) and dist not in _loaded()]
    missing = [dist for dist, version in recorded.items() if not from_file(version) and _installed(dist) is None]
    only = zoo().only
    hidden = [dist for dist in recorded if only is not None and dist not in only and dist != CORE and _brings_plugins(dist)]
    said = []
    if missing:
        were = " and ".join(f"{dist} {recorded[dist]}" for dist in missing)
        here = "which is" if len(missing) == 1 else "which are"
        said.append(f"{what} with {were}, {here} not installed here: pip install {' '.join(missing)}")
    if files:
        named = " and ".join(f"{dist.replace('-', '_')}.py" for dist in files)
        said.append(f"{what} with the plugin file {named}, which no package brings: {_FILE}")
    if hidden:
        said.append(f"{' and '.join(hidden)} is installed, but DAZOO_PLUGINS leaves it out")
    if not said:
        others = ", ".join(f"{dist} {then} (here {now or 'it is missing'})" for dist, (then, now) in changed({"plugins": recorded}).items())
        how = f"in other versions: {others}" if others else "in the same versions, and none of them brings it"
        said.append(f"All that {what[0].lower()}{what[1:]} with is installed, {how}")
    return ". ".join(said) + "."


def changed(config: Mapping[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Distributions whose version is not the one that a model was saved with: then, and now (None: it is not there)."""
    pairs = {dist: (then, _installed(dist)) for dist, then in config.get("plugins", {}).items()}
    return {dist: pair for dist, pair in pairs.items() if pair[0] != pair[1]}


def single_files(config: Mapping[str, Any]) -> list[str]:
    """Plugin files that a model needs and that no package brings, such as "my_net.py"."""
    return [f"{dist.replace('-', '_')}.py" for dist, version in config.get("plugins", {}).items() if from_file(version)]


def described(version: str) -> str:
    """A version as a card gives it."""
    return f"a file that is no package; start dazoo with --plugins-dir and its folder ({version})" if from_file(version) else version


def _loaded() -> dict[str, str]:
    return {loaded.dist: loaded.version for loaded in zoo().loaded.values()}


def _installed(dist: str) -> str | None:
    """Version of a distribution, of this dazoo, or of a plugin file; None where it is not there."""
    if dist == CORE:
        return __version__
    here = _loaded().get(dist)
    if here is not None:
        return here
    try:
        return metadata.version(dist)
    except metadata.PackageNotFoundError:
        return None


def _brings_plugins(dist: str) -> bool:
    try:
        return any(point.group == CORE for point in metadata.distribution(dist).entry_points)
    except metadata.PackageNotFoundError:
        return False
