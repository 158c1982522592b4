"""`--config FILE`: a command's arguments from a TOML file, or from the run.json of a run that is to be repeated. The command line wins."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import typer

from dazoo.cli.output import say
from dazoo.errors import SettingsError
from dazoo.plain import no_twins
from dazoo.plain import read_bounded
from dazoo.plain import shown
from dazoo.registry.registry import did_you_mean


MOST = 2**24
"""Bytes of a file."""
KEY = "dazoo.config"
RECORD = ("recipe", "settings", "data", "plugins")
"""What a run.json has and a file of a person's own has not, together."""
OWN = ("recipe", "settings", "loggers")
"""Keys beside the options of the command."""
LEFT_OUT = ("name", "config", "settings", "log", "log_set", "as_json")
"""Options that have another key, or none."""


@dataclass(frozen=True)
class Config:
    """What a file says.

    Attributes:
        file: its path, or None where there is none.
        options: of the command, by parameter. settings: flat, as `--set` takes them. loggers: settings by name.
        record: a run.json, or {}.
    """

    file: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    loggers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    def check_pictures(self, recipe_has_scenario: bool, source: object) -> None:
        """See that a run on a person's own pictures is given them.

        Raises:
            SettingsError: it is not.
        """
        if self.record and not recipe_has_scenario and source is None:
            raise SettingsError(f"{self.file} holds no paths; give the pictures of that run again with --source and --target.")

    def begin(self, run: Any) -> None:
        """Say before training whether what is repeated is the same (the event of a logger)."""
        for key, what in (("data", "the pictures are"), ("plugins", "the versions of plugins are")):
            if self.record and self.record.get(key) != json.loads(json.dumps(run.identity.get(key))):
                say(f"warning: {what} not those of {self.file}, so the results may differ.")


def use(ctx: typer.Context, file: Path | None) -> Path | None:
    """Read the file and let its options stand in for those that the command line lacks (the callback of `--config`)."""
    config = Config() if file is None else read_config(file, [str(p.name) for p in ctx.command.params])
    ctx.meta[KEY] = config
    ctx.default_map = {**(ctx.default_map or {}), **config.options}
    return file


def config_of(ctx: typer.Context) -> Config:
    """What `use` has read."""
    found: Config = ctx.meta.get(KEY) or Config()
    return found


def read_config(file: Path, parameters: Iterable[str]) -> Config:
    """The file as a `Config`; JSON where its name ends so, else TOML.

    Args:
        parameters: of the command.

    Raises:
        SettingsError: it cannot be read, is neither, or has a key that is no option.
    """
    read = _json if file.suffix == ".json" else tomllib.loads
    try:
        found = read(read_bounded(file, MOST).decode())
    except OSError as exc:
        raise SettingsError(f"--config {file}: {exc.strerror or exc}.") from None
    except (ValueError, RecursionError) as exc:
        kind = "JSON" if file.suffix == ".json" else "TOML"
        raise SettingsError(f"--config {file} is no {kind} that can be read: {exc}.") from None
    if not isinstance(found, dict):
        raise SettingsError(f"--config {file} holds a {type(found).__name__}; expected keys with values.")
    if all(key in found for key in RECORD):
        return _of_record(file, found)
    options = {key.replace("-", "_"): value for key, value in found.items()}
    known = [*OWN, *(p for p in parameters if p not in LEFT_OUT)]
    for key in options:
        if key not in known:
            raise SettingsError(f"--config {file}: unknown key {key!r}.{did_you_mean(key, known)} Keys: {', '.join(known)}.")
    recipe, settings, loggers = (options.pop(key, default) for key, default in (("recipe", None), ("settings", {}), ("loggers", {})))
    if isinstance(loggers, list):
        loggers = dict.fromkeys(map(str, loggers), {})
    for key, table in (("settings", settings), ("loggers", loggers)):
        if not isinstance(table, dict):
            raise SettingsError(f"--config {file}: {key} is {shown(table)}; expected a table, [{key}].")
    named = {"name": recipe} if recipe is not None else {}
    return Config(file, {**named, **options}, dict(flat(settings)), loggers)


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=no_twins)


def _of_record(file: Path, record: Mapping[str, Any]) -> Config:
    """What repeats a run.

    Raises:
        SettingsError: it was trained from a file of weights, of which only the digest is on record.
    """
    from dazoo.runs.plan import LATER

    settings = {**LATER, **record["settings"]}
    settings |= dict(flat({**record.get("arguments", {}), **({"adapt": record["adapt"]} if "adapt" in record else {})}))
    return Config(file, {"name": record["recipe"], "seed": record["seed"]}, settings, {}, record)


def flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """[settings] with its tables as flat pairs: `method.weight = 0.3` is ("method.weight", 0.3). The digest of a file stays as it is."""
    for key, value in table.items():
        if isinstance(value, dict) and set(value) != {"sha256"}:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def merged(config: Config, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The file's settings under those of the command line.

    Raises:
        SettingsError: a file of weights that only its digest is known of.
    """
    both = {**config.settings, **settings}
    for key, value in both.items():
        if isinstance(value, dict):
            raise SettingsError(f"{config.file} knows {key} by its digest alone; give the file again with --set {key}=FILE.")
    return both
