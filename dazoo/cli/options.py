"""Options that several commands have, and how their values are read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from typing import Any

import typer

from dazoo.errors import SettingsError
from dazoo.plain import fits
from dazoo.plain import shown


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Data = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Folder of the data sets; variable DAZOO_DATA unless given.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N; mps or xpu where torch has one.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, metavar="INTEGER", help="Random seed; fixes the result on a CPU.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Download = Annotated[bool, typer.Option("--download", help="Download missing data sets where their terms allow it.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting of the run (lr=0.001) or of a part (method.weight=0.3); repeatable. 'dazoo show NAME' lists them.",
    ),
]
Log = Annotated[
    list[str] | None,
    typer.Option("--log", metavar="NAME", help="A logger to tell of the run, such as tensorboard; repeatable."),
]
LogSet = Annotated[list[str] | None, typer.Option("--log-set", metavar="NAME.KEY=VALUE", help="A setting of a logger.")]
ModelRef = Annotated[
    str, typer.Argument(metavar="MODEL", help="Entry name, folder (dir:PATH or ./PATH) or hub:user/repo.", show_default=False)
]


def parse_settings(pairs: Iterable[str], option: str = "--set", example: str = "lr=0.001") -> dict[str, Any]:
    """ "key=value" texts as a mapping; a value is a JSON scalar where it is one, else the text itself.

    Raises:
        SettingsError: no "=", or nothing before it; or a number that 63 bits cannot hold.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise SettingsError(f"{option} takes KEY=VALUE, such as {option} {example}; got {shown(pair)}.")
        value = scalar(text)
        if isinstance(value, int | float) and not fits(value):
            raise SettingsError(f"{key.strip()} is {shown(text)}; expected a number below 2**63.")
        found[key.strip()] = value
    return found


def parse_loggers(names: Iterable[str], pairs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Loggers by name with their settings; settings alone name their logger too.

    Raises:
        SettingsError: a setting without the logger's name before a dot.
    """
    return {name: {} for name in names} | parse_named(pairs, "--log-set", "wandb.project=signs", "logger")


def parse_named(pairs: Iterable[str], option: str, example: str, what: str, also: str = "") -> dict[str, dict[str, Any]]:
    """ "name.key=value" texts as settings by name.

    Args:
        what: is named, for the message. also: another way to write one, for the message; `{}` stands for the key.

    Raises:
        SettingsError: a setting without a name before a dot, or see `parse_settings`.
    """
    found: dict[str, dict[str, Any]] = {}
    for key, value in parse_settings(pairs, option, example).items():
        name, dot, setting = key.rpartition(".")
        if not dot:
            raise SettingsError(f"{option} {key}=... names no {what}; write it in front: {option} NAME.{key}=...{also.format(key)}")
        found.setdefault(name, {})[setting] = value
    return found


def scalar(text: str) -> Any:
    """A JSON scalar, or the text where it is none (NaN and Infinity are none)."""

    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        value = json.loads(text, parse_constant=refuse)
    except ValueError:
        return text
    return text if isinstance(value, dict | list) else value
