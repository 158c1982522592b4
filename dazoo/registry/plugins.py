"""Find, load and isolate plugins: one bad plugin is one bad plugin, reported and never in the way."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from importlib import metadata
from typing import Any

import pluggy
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dazoo.errors import PluginError
from dazoo.registry import hookspecs
from dazoo.registry.registry import PART
from dazoo.registry.registry import RECIPE
from dazoo.registry.registry import Entry
from dazoo.registry.registry import Registry
from dazoo.registry.registry import did_you_mean
from dazoo.version import __version__


GROUP = "dazoo"
API = 1
"""Version of the plugin interface; a plugin says `dazoo_api = 1`. It rises only when old plugins could no longer work."""

CORE = "dazoo"
"""The core's own distribution; its entry points load whatever DAZOO_PLUGINS says, because dazoo does not work without them."""

KINDS: Mapping[str, tuple[str, str | None]] = {
    "backbones": ("backbone", "dazoo.contracts.backbone:Backbone"),
    "gans": ("gan", "dazoo.contracts.gan:GAN"),
    "methods": ("method", "dazoo.contracts.method:Method"),
    "datasets": ("dataset", "dazoo.contracts.dataset:Dataset"),
    "scenarios": ("scenario", "dazoo.contracts.dataset:Scenario"),
    "validators": ("validator", "dazoo.contracts.validator:Validator"),
    "executors": ("executor", "dazoo.contracts.executor:Executor"),
    "entries": ("entry", None),
}
"""Registry attribute: what one of its names is called, and the class that every target must subclass."""

_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_ENTRY_TARGET = re.compile(r"[A-Za-z_][\w.]*:[\w-][\w.-]*(/[\w-][\w.-]*)*(@[\w.-]+)?")
_TOGETHER = "install versions of the two that go together"
_HEAVY = ("torch", "torchvision", "timm")


@dataclass
class Record:
    """What became of one entry point.

    Attributes:
        dist: distribution, normalised; version: its version.
        entry_point: the entry point's name; target: its module.
        brings: registered names by kind, such as {"backbone": ["fcn"]}; empty when it failed.
        error: why it was left out, or None.
        traceback: the full traceback as text, or an empty string.
        warnings: what its author should mend although it works.
        seconds: time to import and register it.
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

    @property
    def name(self) -> str:
        return f"{self.dist}:{self.entry_point}"

    @property
    def ok(self) -> bool:
        return self.error is None


class Plugins:
    """Every registry, filled by the plugins that are installed.

    Args:
        path: folders to look for distributions in; `sys.path` unless given.
        environ: environment to read the DAZOO_* variables from; `os.environ` unless given.

    Raises:
        PluginError: a plugin failed and DAZOO_PLUGINS_STRICT is set.
    """

    backbones: Registry
    gans: Registry
    methods: Registry
    datasets: Registry
    scenarios: Registry
    validators: Registry
    executors: Registry
    entries: Registry

    def __init__(self, path: Iterable[str] | None = None, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self.path = None if path is None else list(path)
        self.strict = _truthy(environ.get("DAZOO_PLUGINS_STRICT"))
        self.trace = _truthy(environ.get("DAZOO_TRACE_PLUGINS"))
        only = environ.get("DAZOO_PLUGINS")
        self.only = None if only is None else {canonicalize_name(n.strip()): n.strip() for n in only.split(",") if n.strip()}
        self.loaded: dict[str, Record] = {}
        for attribute, (kind, base) in KINDS.items():
            setattr(self, attribute, Registry(kind, base, hint=self.hint))
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)

    def registries(self) -> dict[str, Registry]:
        """Registries by kind: {"backbone": self.backbones, ...}."""
        return {kind: getattr(self, attribute) for attribute, (kind, _) in KINDS.items()}

    def failures(self) -> list[Record]:
        """Records of the plugins that were left out."""
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
        found = self._distributions()
        for name in sorted(found, key=lambda n: (n != CORE, n)):
            if self.only is not None and name != CORE and name not in self.only:
                continue
            dist, points = found[name]
            for point in points:
                self.load(point.load, dist=name, version=dist.version, entry_point=point.name, target=point.value, requires=dist.requires)
        for name in sorted(set(self.only or ()) - set(found)):
            error = f"DAZOO_PLUGINS asks for {self.only[name]!r}, but no installed distribution of that name brings a dazoo plugin"
            self._record(Record(dist=name, version="", entry_point="", target="", error=error))
        self._say(f"{len(self.loaded)} plugins in {1000 * (time.perf_counter() - start):.1f} ms")
        return self

    def _distributions(self) -> dict[str, tuple[metadata.Distribution, list[metadata.EntryPoint]]]:
        """Distributions with entry points of ours by name; the first on the path where one is there twice."""
        found: dict[str, tuple[metadata.Distribution, list[metadata.EntryPoint]]] = {}
        for dist in metadata.distributions() if self.path is None else metadata.distributions(path=self.path):
            try:
                # The raw text is read first: parsing the metadata of a hundred unrelated distributions is what makes discovery slow.
                if f"[{GROUP}]" not in (dist.read_text("entry_points.txt") or ""):
                    continue
                name = str(canonicalize_name(dist.metadata.get("Name")))  # None is no name: the error below
                points = sorted((p for p in dist.entry_points if p.group == GROUP), key=lambda p: p.name)
                found.setdefault(name, (dist, points))
                _ = dist.version, dist.requires
            except Exception as exc:
                where = str(getattr(dist, "_path", "?"))  # all that is known of a distribution whose metadata cannot be read
                self._record(Record(os.path.basename(where), "", "", where, error=f"its metadata cannot be read: {_reason(exc)}"), exc)
        return found

    def load(
        self,
        get: Callable[[], Any],
        *,
        dist: str,
        version: str = "0",
        entry_point: str = "plugin",
        target: str = "",
        requires: Iterable[str] | None = None,
    ) -> Record:
        """Import one plugin with `get()` and register what it brings, all or nothing.

        Raises:
            PluginError: it failed, and DAZOO_PLUGINS_STRICT is set.
        """
        record = Record(dist=str(canonicalize_name(dist)), version=version, entry_point=entry_point, target=target)
        self._say(f"{record.name} {version} from {target} ...")
        start, heavy = time.perf_counter(), {m for m in _HEAVY if m in sys.modules}
        cause = None
        try:
            # What a plugin prints must not end up in the output of `dazoo list --json`.
            with contextlib.redirect_stdout(sys.stderr):
                _check_requirement(requires or ())
                plugin = get()
                _check_api(plugin)
                self._register(plugin, record.name)
                entries = self._collect(plugin, record)
            self._add(entries)
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # a plugin's sys.exit() must not end the program either
            cause, record.error = exc, _reason(exc)
            record.traceback = "".join(traceback.format_exception(exc))
            if self._manager.has_plugin(record.name):
                self._manager.unregister(name=record.name)
        else:
            for entry in entries:
                record.brings.setdefault(entry.kind, []).append(entry.name)
        record.seconds = time.perf_counter() - start
        imported = [m for m in _HEAVY if m in sys.modules and m not in heavy]
        if imported:
            record.warnings.append(f"imports {', '.join(imported)} when it is loaded; register strings, and import in the module they name")
        self._record(record, cause)
        return record

    def _record(self, record: Record, cause: BaseException | None = None) -> None:
        self.loaded[record.name] = record
        self._say(f"{1000 * record.seconds:8.1f} ms  {record.name}: {record.error or 'loaded'}")
        if self.strict and record.error:
            raise PluginError(f"Plugin {record.name} {record.version}: {record.error} (DAZOO_PLUGINS_STRICT is set)") from cause

    def _say(self, text: str) -> None:
        if self.trace:
            print(f"dazoo: {text}", file=sys.stderr)

    def _register(self, plugin: Any, name: str) -> None:
        """Hand the plugin to pluggy, which checks the hooks' signatures; their names are checked here."""
        other = self._manager.get_name(plugin)
        if other:
            raise PluginError(f"its entry point gives the same object as {other}; remove one of the two")
        self._manager.register(plugin, name=name)
        callers = self._manager.get_hookcallers(plugin) or []
        specified = [n for n in dir(hookspecs) if n.startswith("dazoo_register_")]
        for caller in callers:
            mine = [impl for impl in caller.get_hookimpls() if impl.plugin is plugin]
            if not caller.has_spec() and not all(impl.optionalhook for impl in mine):
                raise PluginError(f"it implements {caller.name!r}, which is no hook of dazoo.{did_you_mean(caller.name, specified)}")
        if not any(caller.has_spec() for caller in callers):
            bare = [n for n in dir(plugin) if n.startswith("dazoo_") and callable(getattr(plugin, n))]
            raise PluginError(f"it implements no hook{f'; mark {bare[0]} with @hookimpl' if bare else ', so it brings nothing'}")

    def _collect(self, plugin: Any, record: Record) -> list[Entry]:
        """What the plugin registers: its hooks are called one by one, and nothing is added before all of them have run."""
        staged: dict[tuple[str, str], Entry] = {}
        for caller in self._manager.get_hookcallers(plugin) or []:
            for impl in caller.get_hookimpls():
                if impl.plugin is not plugin or not caller.has_spec():
                    continue
                if impl.wrapper or impl.hookwrapper:
                    raise PluginError(f"its {caller.name} is a wrapper; registration hooks are plain functions")
                kind, _ = KINDS[caller.name.removeprefix("dazoo_register_")]
                impl.function(*[_stage(kind, record, staged) for _ in impl.argnames])
        return list(staged.values())

    def _add(self, entries: list[Entry]) -> None:
        """Put a plugin's entries into the registries, all or none."""
        registries = self.registries()
        for entry in entries:
            for other in registries[entry.kind].find(f"{entry.kind}:{entry.qualified}"):
                raise PluginError(f"the {entry.kind} {entry.name!r} is already brought by plugin {other.plugin!r} of the same distribution")
        for entry in entries:
            registries[entry.kind].add(entry)

    def check(self, name: str | None = None) -> dict[str, str]:
        """Import every class that the loaded plugins (or the one called `name`) brought; problems by "kind name". Imports torch."""
        problems = {}
        for kind, registry in self.registries().items():
            for entry in registry.entries():
                if registry.base is None or name not in (None, entry.dist, f"{entry.dist}:{entry.plugin}"):
                    continue
                try:
                    registry.resolve(entry.qualified)
                except PluginError as exc:
                    problems[f"{kind} {entry.qualified}"] = str(exc)
        return problems


def _stage(kind: str, record: Record, staged: dict[tuple[str, str], Entry]) -> Callable[..., None]:
    """The `register` function that one hook of one plugin receives."""
    grammar, targets = (RECIPE, _ENTRY_TARGET) if kind == "entry" else (PART, _TARGET)
    form = "'package:folder' or 'hub:user/repo@revision'" if kind == "entry" else "'module:Class'"

    def register(name: str, target: str, /, *, summary: str = "", wraps: str = "", **settings: Any) -> None:
        if not isinstance(name, str) or not grammar.fullmatch(name):
            raise PluginError(f"the {kind} name {name!r} does not match {grammar.pattern}")
        if not isinstance(target, str) or not targets.fullmatch(target):
            raise PluginError(
                f"the {kind} {name!r} has the target {target!r}; expected a string {form}, so that nothing is imported to list it"
            )
        if not isinstance(summary, str):
            raise PluginError(f"the {kind} {name!r} has the summary {summary!r}; expected a string")
        if not isinstance(wraps, str):
            raise PluginError(f"the {kind} {name!r} has wraps={wraps!r}; expected a distribution's name, such as 'timm'")
        if (kind, name) in staged:
            raise PluginError(f"it registers the {kind} {name!r} twice")
        staged[kind, name] = Entry(kind, name, target, settings, record.entry_point, record.dist, record.version, summary, wraps)

    return register


def _check_requirement(requires: Iterable[str]) -> None:
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


def _check_api(plugin: Any) -> None:
    api = getattr(plugin, "dazoo_api", None)
    if api is None:
        raise PluginError(f"it does not say which plugin interface it is written for; add `dazoo_api = {API}` to its module")
    if type(api) is not int or api != API:
        raise PluginError(f"it is written for plugin interface {api!r}, but dazoo {__version__} has {API}; {_TOGETHER}")


def _reason(exc: BaseException) -> str:
    """One line that says why a plugin was left out."""
    text = " ".join(str(exc).split())
    return text if isinstance(exc, PluginError) else f"{type(exc).__name__}: {text}"


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
