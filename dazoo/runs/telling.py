"""Who is told of a run: loggers by name, callbacks, and the display; and what they are told when it begins."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import TypedDict

from dazoo.contracts import Logger
from dazoo.engine.display import Display
from dazoo.engine.loggers import Loggers
from dazoo.errors import DazooError
from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.plain import shown
from dazoo.plain import write_whole
from dazoo.registry.plugins import Plugins
from dazoo.runs.plan import Pictures
from dazoo.runs.plan import Plan


EVENTS = tuple(name for name in vars(Logger) if not name.startswith("_"))
RUN_ID = "run-id"


class Listeners(TypedDict, total=False):
    """Who is told of a run.

    Keys:
        loggers: names of loggers ("dazoo list loggers"), or their settings by name ({"wandb": {"project": "signs"}}).
        callbacks: functions that are called after each epoch with (at, scores, terms), and objects with methods of a
            `dazoo.contracts.Logger`: those that they have are called.
    """

    loggers: Iterable[str] | Mapping[str, Mapping[str, Any]]
    callbacks: Iterable[Any]


class Extras(Pictures, Listeners, total=False):
    """Where pictures come from, and who is told of the run.

    Keys:
        select: which weights `model` holds: "last", or the name of a validator for those of the epoch that it scores highest. It then is the
            setting `validator` too.
    """

    select: str


def split_extras(plugins: Plugins, extras: Extras) -> tuple[dict[str, Logger], Pictures]:
    """The loggers by what they are called, and the rest.

    Raises:
        UnknownName: nobody brings a logger of the name.
        SettingsError: its package is missing, a setting is wrong, or a callback is neither a function nor has an event.
    """
    pictures: Pictures = {k: v for k, v in extras.items() if k in Pictures.__annotations__}  # type: ignore[assignment]
    return build_loggers(plugins, extras.get("loggers", ()), extras.get("callbacks", ())), pictures


def build_loggers(
    plugins: Plugins, loggers: Iterable[str] | Mapping[str, Mapping[str, Any]] = (), callbacks: Iterable[Any] = ()
) -> dict[str, Logger]:
    """See `split_extras`."""
    if isinstance(loggers, str):
        raise SettingsError(f"loggers is {shown(loggers)}; expected a list of names, [{shown(loggers)}].")
    wanted = loggers if isinstance(loggers, Mapping) else {name: {} for name in loggers}
    built: dict[str, Logger] = {f"The logger {name!r}": _built(plugins, name, given) for name, given in wanted.items()}
    for one in callbacks:
        name = f"The callback {getattr(one, '__qualname__', type(one).__qualname__)}"
        built[name if name not in built else f"{name} (number {len(built) + 1})"] = as_logger(one)
    return built


def _built(plugins: Plugins, name: str, settings: Mapping[str, Any]) -> Logger:
    try:
        return plugins.loggers.build(name, **settings)
    except DazooError:
        raise
    except Exception as exc:
        who = plugins.loggers.get(name).called
        raise PluginError(f"The {who} cannot be built: {type(exc).__name__}: {exc}. Train without --log {name}.") from exc


def as_logger(callback: Any) -> Logger:
    """A callback as a logger that nobody registered."""
    if isinstance(callback, Logger):
        return callback
    if isinstance(callback, type):
        raise SettingsError(f"The callback {callback.__qualname__} is a class; give an object of it, {callback.__qualname__}(...).")
    found = {event: method for event in EVENTS if callable(method := getattr(callback, event, None))}
    if not found and callable(callback):
        found = {"epoch": callback}
    if not found:
        raise SettingsError(
            f"The callback {shown(callback)} is no function and has none of the methods {', '.join(EVENTS)}; see dazoo.contracts.Logger."
        )
    return _Adapted(found)


class _Adapted(Logger):
    """A logger of the events that somebody wants."""

    def __init__(self, found: Mapping[str, Callable[..., None]]) -> None:
        for event, method in found.items():
            setattr(self, event, method)


def told(loggers: Mapping[str, Logger], quiet: bool) -> Loggers:
    """The loggers, with the display in front unless there is to be none."""
    return Loggers({**({} if quiet else {"The display": Display()}), **loggers})


def stages_of(plan: Plan, plugins: Plugins, twin: bool) -> tuple[str, ...]:
    """Names of the stages of a run; `twin`: the recipe is also trained without adaptation."""
    method = plan.recipe.method and plugins.methods.resolve(plan.recipe.method)
    own = ("source", "adapt") if method and method.adapts_trained else ("train",)
    return (*own, "source_only") if twin else own


def run_id(folder: Path | None) -> str:
    """A random name that stays with the folder, so that a logger goes on with what it began."""
    if folder is None:
        return uuid.uuid4().hex
    file = folder / RUN_ID
    if not file.exists():
        write_whole(file, uuid.uuid4().hex, sync=False)
    return file.read_text(encoding="utf-8").strip()
