"""Find, load and isolate plugins: one bad plugin is one bad plugin, reported and never in the way."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pluggy
from packaging.utils import canonicalize_name

from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.registry import hookspecs
from dazoo.registry.discovery import CORE
from dazoo.registry.discovery import GROUP
from dazoo.registry.discovery import Loaded
from dazoo.registry.discovery import api_warning
from dazoo.registry.discovery import check_api
from dazoo.registry.discovery import check_requirement
from dazoo.registry.discovery import distributions
from dazoo.registry.discovery import reason
from dazoo.registry.folders import FOLDERS
from dazoo.registry.folders import Local
from dazoo.registry.folders import folders_of
from dazoo.registry.folders import from_file
from dazoo.registry.folders import plugins_in
from dazoo.registry.registry import Registration
from dazoo.registry.registry import Registry
from dazoo.registry.registry import did_you_mean
from dazoo.registry.staging import collect
from dazoo.streams import tell


if TYPE_CHECKING:
    from dazoo.contracts.augmentation import Augmentation
    from dazoo.contracts.backbone import Backbone
    from dazoo.contracts.dataset import Dataset
    from dazoo.contracts.dataset import Scenario
    from dazoo.contracts.executor import Executor
    from dazoo.contracts.gan import GAN
    from dazoo.contracts.gan import Bridge
    from dazoo.contracts.logger import Logger
    from dazoo.contracts.method import Method
    from dazoo.contracts.validator import Validator

KINDS: Mapping[str, tuple[str, str | None]] = {
    "backbones": ("backbone", "dazoo.contracts.backbone:Backbone"),
    "gans": ("gan", "dazoo.contracts.gan:GAN"),
    "bridges": ("bridge", "dazoo.contracts.gan:Bridge"),
    "methods": ("method", "dazoo.contracts.method:Method"),
    "datasets": ("dataset", "dazoo.contracts.dataset:Dataset"),
    "scenarios": ("scenario", "dazoo.contracts.dataset:Scenario"),
    "augmentations": ("augmentation", "dazoo.contracts.augmentation:Augmentation"),
    "validators": ("validator", "dazoo.contracts.validator:Validator"),
    "executors": ("executor", "dazoo.contracts.executor:Executor"),
    "loggers": ("logger", "dazoo.contracts.logger:Logger"),
    "entries": ("entry", None),
}
"""Registry attribute: what one of its names is called, and the class that every target must subclass."""

HEAVY = ("torch", "torchvision", "timm")
"""Packages that take seconds to import, so that no plugin may import them when it is loaded."""


class Plugins:
    """Every registry, filled by the plugins that are installed, and by those in the folders that DAZOO_PLUGINS_DIR names.

    Args:
        path: folders to look for distributions in; `sys.path` unless given.
        environ: environment to read the DAZOO_* variables from; `os.environ` unless given.

    Raises:
        PluginError: a plugin failed and DAZOO_PLUGINS_STRICT is set.
    """

    backbones: Registry[Backbone]
    gans: Registry[GAN]
    bridges: Registry[Bridge]
    methods: Registry[Method]
    datasets: Registry[Dataset]
    scenarios: Registry[Scenario]
    augmentations: Registry[Augmentation]
    validators: Registry[Validator]
    executors: Registry[Executor]
    loggers: Registry[Logger]
    entries: Registry[object]

    def __init__(self, path: Iterable[str] | None = None, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self.path = None if path is None else list(path)
        self.strict = _truthy(environ.get("DAZOO_PLUGINS_STRICT"))
        self.trace = _truthy(environ.get("DAZOO_TRACE_PLUGINS"))
        only = environ.get("DAZOO_PLUGINS")
        self.only = None if only is None else {str(canonicalize_name(n)): n for n in map(str.strip, only.split(",")) if n}
        self.folders = folders_of(environ)
        self.loaded: dict[str, Loaded] = {}
        for attribute, (kind, base) in KINDS.items():
            setattr(self, attribute, Registry[Any](kind, base, hint=self.hint))
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)

    def registries(self) -> dict[str, Registry[Any]]:
        """Registries by kind: {"backbone": self.backbones, ...}."""
        return {kind: getattr(self, attribute) for attribute, (kind, _) in KINDS.items()}

    def failures(self) -> list[Loaded]:
        """The plugins that were left out."""
        return [r for r in self.loaded.values() if not r.ok]

    def hint(self) -> str:
        """The end of an unknown-name message: which plugins failed and may bring the name."""
        failed = self.failures()
        if not failed:
            return ""
        what = "1 plugin" if len(failed) == 1 else f"{len(failed)} plugins"
        shown = "; ".join(f"{r.name} {r.version} ({r.error})" for r in failed[:3])
        return f" {what} failed to load and may bring it: {shown}{'; ...' if len(failed) > 3 else ''}. See 'dazoo plugins'."

    def discover(self) -> Plugins:
        """Load every plugin that is installed and wanted; returns itself."""
        start = time.perf_counter()
        found = distributions(self.path, self._unreadable)
        for name in sorted(found, key=lambda n: (n != CORE, n)):
            if self.only is not None and name != CORE and name not in self.only:
                continue
            dist, points = found[name]
            for point in points:
                self.load(point.load, dist=name, version=dist.version, entry_point=point.name, target=point.value, requires=dist.requires)
        for name, written in sorted((self.only or {}).items()):
            if name in found:
                continue
            error = f"DAZOO_PLUGINS asks for {written!r}, but no installed distribution of that name brings a dazoo plugin"
            self._note(Loaded(dist=name, version="", entry_point="", target="", error=error))
        for folder in self.folders:
            self._discover_in(folder)
        self._say(f"{len(self.loaded)} plugins in {1000 * (time.perf_counter() - start):.1f} ms")
        return self

    def _discover_in(self, folder: Path) -> None:
        """Load the plugins of a folder; of one that is installed too, the installed one counts."""
        try:
            found = list(plugins_in(folder))
        except (PluginError, OSError) as exc:
            self._note(Loaded(FOLDERS, "", folder.name, str(folder), error=reason(exc)), exc)
            return
        for local in found:
            twin = next((r for r in self.loaded.values() if r.target.partition(":")[0] == local.module or r.dist == local.dist), None)
            if twin is not None:
                twin.warnings.append(f"{local.path} brings the same and was left out; uninstall {twin.dist}, or rename one of them")
                continue
            self._load_local(local)

    def _load_local(self, local: Local) -> None:
        loaded = self.load(local.load, dist=local.dist, version=local.version, entry_point=local.module, target=local.module)
        loaded.file = str(local.path)

    def _unreadable(self, where: str, exc: Exception) -> None:
        error = f"its metadata cannot be read: {reason(exc)}"
        self._note(Loaded(os.path.basename(where), "", "", where, error=error), exc)

    def load(
        self,
        get: Callable[[], Any],
        *,
        dist: str,
        version: str = "0",
        entry_point: str = "plugin",
        target: str = "",
        requires: Iterable[str] | None = None,
    ) -> Loaded:
        """Import one plugin with `get()` and register what it brings, all or nothing.

        Raises:
            PluginError: it failed, and DAZOO_PLUGINS_STRICT is set.
        """
        loaded = Loaded(dist=str(canonicalize_name(dist)), version=version, entry_point=entry_point, target=target)
        self._say(f"{loaded.name} {version} from {target} ...")
        start, heavy = time.perf_counter(), {m for m in HEAVY if m in sys.modules}
        cause = None
        try:
            # What a plugin prints must not end up in the output of `dazoo list --json`.
            with contextlib.redirect_stdout(sys.stderr):
                check_requirement(requires or ())
                plugin = get()
                check_api(plugin)
                loaded.warnings += api_warning(plugin)
                loaded.warnings += self._register(plugin, loaded.name)
                brought = collect(self._manager, plugin, loaded, {plural: kind for plural, (kind, _) in KINDS.items()})
            self._add(brought)
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # a plugin's sys.exit() must not end the program either
            cause, loaded.error = exc, reason(exc)
            loaded.traceback = "".join(traceback.format_exception(exc))
            if self._manager.has_plugin(loaded.name):
                self._manager.unregister(name=loaded.name)
        else:
            for registration in brought:
                loaded.brings.setdefault(registration.kind, []).append(registration.name)
        loaded.seconds = time.perf_counter() - start
        imported = [m for m in HEAVY if m in sys.modules and m not in heavy]
        if imported and not from_file(version):  # a file that holds its classes has no other place for the import
            loaded.warnings.append(f"imports {', '.join(imported)} when it is loaded; register strings, and import in the module they name")
        self._note(loaded, cause)
        return loaded

    def _note(self, loaded: Loaded, cause: BaseException | None = None) -> None:
        self.loaded[loaded.name] = loaded
        self._say(f"{1000 * loaded.seconds:8.1f} ms  {loaded.name}: {loaded.error or 'loaded'}")
        if self.strict and loaded.error:
            raise PluginError(f"Plugin {loaded.name} {loaded.version}: {loaded.error} (DAZOO_PLUGINS_STRICT is set)") from cause

    def _say(self, text: str) -> None:
        if self.trace:
            tell(f"dazoo: {text}")

    def _register(self, plugin: Any, name: str) -> list[str]:
        """Hand the plugin to pluggy, which checks the hooks' signatures; their names are checked here.

        Returns:
            What it uses that a later version of dazoo will not have (`hookspec(warn_on_impl=...)`, `warn_on_impl_args`).
        """
        other = self._manager.get_name(plugin)
        if other:
            raise PluginError(f"its entry point gives the same object as {other}; remove one of the two")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                self._manager.register(plugin, name=name)
            except pluggy.PluginValidationError as exc:
                asks = re.search(r"hook '(\w+)'.*Argument\(s\) (\{.*\}) are declared", str(exc), re.DOTALL)
                what = f"its {asks[1]} asks for {asks[2].strip('{}')}, but a hook is given register" if asks else reason(exc)
                raise PluginError(what) from exc
        callers = self._manager.get_hookcallers(plugin) or []
        specified = [n for n in dir(hookspecs) if n.startswith("dazoo_register_")]
        for caller in callers:
            mine = [impl for impl in caller.get_hookimpls() if impl.plugin is plugin]
            if not caller.has_spec() and not all(impl.optionalhook for impl in mine):
                raise PluginError(f"it implements {caller.name!r}, which is no hook of dazoo.{did_you_mean(caller.name, specified)}")
        if not any(caller.has_spec() for caller in callers):
            bare = [n for n in dir(plugin) if n.startswith("dazoo_") and callable(getattr(plugin, n))]
            raise PluginError(f"it implements no hook{f'; mark {bare[0]} with @hookimpl' if bare else ', so it brings nothing'}")
        return [str(w.message) for w in caught if issubclass(w.category, DeprecationWarning | FutureWarning)]

    def _add(self, brought: list[Registration]) -> None:
        """Put what a plugin brings into the registries, all or none."""
        registries = self.registries()
        for one in brought:
            for other in registries[one.kind].find(f"{one.kind}:{one.qualified}"):
                raise PluginError(f"the {one.kind} {one.name!r} is already brought by plugin {other.plugin!r} of the same distribution")
        for one in brought:
            registries[one.kind].add(one)

    def check(self, name: str | None = None) -> dict[str, str]:
        """Import every class that the loaded plugins (or the one called `name`) brought; problems by "kind name". Imports torch."""
        problems = {}
        for kind, registry in self.registries().items():
            for found in registry.registrations():
                if registry.base is None or name not in (None, found.dist, f"{found.dist}:{found.plugin}"):
                    continue
                try:
                    registry.check(found.qualified)
                except (PluginError, SettingsError) as exc:
                    problems[f"{kind} {found.qualified}"] = str(exc)
        return problems


def _truthy(value: str | None) -> bool:
    return (value or "").strip().lower() not in ("", "0", "false", "no", "off")


_lock = threading.Lock()
_zoo: Plugins | None = None


def zoo() -> Plugins:
    """The process-wide plugins, discovered when first asked for."""
    global _zoo
    with _lock:
        if _zoo is None:
            _zoo = Plugins().discover()
        return _zoo


def use_folders(folders: Iterable[Path]) -> None:
    """Look for plugins in folders too, in this process and in every one that is started from now on."""
    global _zoo
    os.environ[FOLDERS] = os.pathsep.join(os.path.abspath(folder) for folder in folders)
    with _lock:
        _zoo = None
