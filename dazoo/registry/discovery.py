"""What is installed and fits: distributions with an entry point of ours, and what became of each entry point."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from importlib import metadata
from typing import Any

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dazoo.errors import PluginError
from dazoo.version import __version__


GROUP = "dazoo"
"""The entry-point group."""

API = 1
"""Version of the plugin interface; a plugin says `dazoo_api = 1`. It rises only when old plugins could no longer work."""

LEAVING: dict[int, str] = {}
"""Older versions of the interface that still work, with the version of dazoo that will refuse them: at least one minor version on."""

CORE = "dazoo"
"""The core's own distribution; its entry points load whatever DAZOO_PLUGINS says, because dazoo does not work without them."""

_TOGETHER = "install versions of the two that go together"

Installed = dict[str, tuple[metadata.Distribution, list[metadata.EntryPoint]]]
"""A distribution and its entry points of our group, by the distribution's normalised name."""


@dataclass
class Loaded:
    """What became of one entry point.

    Attributes:
        dist: distribution, normalised; version: its version.
        entry_point: the entry point's name; target: its module.
        brings: registered names by kind, such as {"backbone": ["fcn"]}; empty when it failed.
        error: why it was left out, or None.
        traceback: the full traceback as text, or an empty string.
        warnings: what its author should mend although it works.
        seconds: time to import and register it.
        file: where it is, if it is a file or package in a folder that was named, and no distribution.
    """

    dist: str
    version: str
    entry_point: str
    target: str
    brings: dict[str, list[str]] = field(default_factory=dict)
    error: str | None = None
    traceback: str = ""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    file: str = ""

    @property
    def name(self) -> str:
        """Distribution and entry point, joined by ":"; no two plugins share it."""
        return f"{self.dist}:{self.entry_point}"

    @property
    def ok(self) -> bool:
        """Whether it works."""
        return self.error is None


def distributions(path: Iterable[str] | None, broken: Callable[[str, Exception], None]) -> Installed:
    """Distributions with entry points of ours; the first on the path where one is there twice.

    Args:
        path: folders to look in; `sys.path` where it is None.
        broken: called with the place and the error of a distribution whose metadata cannot be read.
    """
    found: Installed = {}
    for dist in metadata.distributions() if path is None else metadata.distributions(path=list(path)):
        try:
            # The raw text is read first: parsing the metadata of a hundred unrelated distributions is what makes discovery slow.
            if f"[{GROUP}]" not in (dist.read_text("entry_points.txt") or ""):
                continue
            name = str(canonicalize_name(dist.metadata["Name"]))  # None is no name: the error below
            points = sorted((p for p in dist.entry_points if p.group == GROUP), key=lambda p: p.name)
            found.setdefault(name, (dist, points))
            _ = dist.version, dist.requires
        except Exception as exc:
            broken(str(getattr(dist, "_path", "?")), exc)
    return found


def check_requirement(requires: Iterable[str]) -> None:
    """Hold the plugin's own requirement on dazoo against the version that runs: pip does not look again after a downgrade."""
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if not applies or canonicalize_name(requirement.name) != CORE:
            continue
        if not requirement.specifier.contains(__version__, prereleases=True):
            raise PluginError(f"it requires dazoo{requirement.specifier}, but this is dazoo {__version__}; {_TOGETHER}")


def check_api(plugin: Any) -> None:
    """Refuse a plugin that is written for another version of the plugin interface, or does not say for which."""
    api = getattr(plugin, "dazoo_api", None)
    if api is None:
        raise PluginError(f"it does not say which plugin interface it is written for; add `dazoo_api = {API}` to its module")
    if type(api) is not int or api != API and api not in LEAVING:
        has = " and ".join(map(str, (API, *sorted(LEAVING, reverse=True))))
        raise PluginError(f"it is written for plugin interface {api!r}, but dazoo {__version__} has {has}; {_TOGETHER}")


def api_warning(plugin: Any) -> list[str]:
    """What to tell the author of a plugin that is written for an interface which will go."""
    api = plugin.dazoo_api
    if api == API:
        return []
    return [f"it is written for plugin interface {api}, which works until dazoo {LEAVING[api]}; write it for {API}, see CHANGELOG.md"]


def reason(exc: BaseException) -> str:
    """One line that says why a plugin was left out."""
    text = " ".join(str(exc).split())
    return text if isinstance(exc, PluginError) else f"{type(exc).__name__}: {text}"
