"""A GAN and the bridge between it and a classifier, by name: chosen by what the GAN takes, built, and filled with weights."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dazoo.contracts import GAN
from dazoo.contracts import Bridge
from dazoo.contracts import Problem
from dazoo.engine.state import state_of
from dazoo.errors import DazooError
from dazoo.errors import PluginError
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo.models.build import without_memory
from dazoo.models.provenance import explained
from dazoo.models.tensors import check_fit
from dazoo.models.tensors import load_groups
from dazoo.plain import shown
from dazoo.registry.discovery import CORE
from dazoo.registry.plugins import Plugins
from dazoo.registry.registry import did_you_mean


def bridge_for(plugins: Plugins, gan: str, kind: str | None = None) -> str:
    """Name of the bridge that a registered GAN is used with.

    Bridges fit that feed nothing but what the GAN takes. Of several, `kind` is taken, else the first that the GAN's `bridges` names, else
    the only one, else the only one that comes with the core: a plugin that is installed changes no recipe that it does not name.

    Raises:
        PluginError: no registered bridge fits.
        SettingsError: `kind` does not fit, or several fit and nobody chooses.
    """
    cls, fit = plugins.gans.resolve(gan), fitting(plugins, gan)
    if kind is not None:
        if kind not in fit:
            raise SettingsError(
                f"bridge.kind is {kind!r}, which does not fit {gan!r}.{did_you_mean(str(kind), fit)} Choose {' or '.join(fit)}."
            )
        return kind
    core = [name for name in fit if plugins.bridges.get(name).dist == CORE]
    preferred = [name for name in cls.bridges if name in fit] or next(([*names] for names in (fit, core) if len(names) == 1), [])
    if not preferred:
        raise SettingsError(f"Several bridges fit the GAN {gan!r}: {', '.join(fit)}. Choose one with --set bridge.kind=NAME.")
    return preferred[0]


def fitting(plugins: Plugins, gan: str) -> list[str]:
    """Names of the bridges that feed nothing but what a registered GAN takes.

    Raises:
        PluginError: there is none.
    """
    takes: frozenset[str] = getattr(plugins.gans.resolve(gan), "takes", frozenset())
    fit = [name for name in plugins.bridges.names() if plugins.bridges.resolve(name).feeds <= takes]
    if not fit:
        feeds = sorted({what for name in plugins.bridges.names() for what in plugins.bridges.resolve(name).feeds})
        raise PluginError(f"The GAN {gan!r} takes {sorted(takes)}; bridges feed {', '.join(feeds)}. Declare some of these in `takes`.")
    return fit


def build_bridge(plugins: Plugins, gan: str, problem: Problem, arguments: Mapping[str, Mapping[str, Any]]) -> Bridge:
    """The bridge between a registered GAN and the problem's backbone.

    Args:
        gan: registered name.
        arguments: keyword arguments by part; those of "gan" and "bridge" count. `kind` of the latter chooses the bridge.

    Raises:
        PluginError: no bridge feeds what the GAN takes.
        SettingsError: an argument that the GAN or the bridge does not take, or pictures too small for the GAN.
    """
    own = dict(arguments.get("bridge", {}))
    kind = bridge_for(plugins, gan, own.pop("kind", None))
    known = [name for name in signature(plugins.bridges.resolve(kind)).parameters if name not in ("problem", "make_gan")]
    for name in own:
        if name not in known:
            raise SettingsError(
                f"Unknown setting 'bridge.{name}'.{did_you_mean(name, known)} The bridge {kind!r} takes: kind, {', '.join(known)}."
            )
    make = partial(make_gan, plugins, gan, problem, arguments.get("gan", {}))
    bridge: Bridge = plugins.bridges.build(kind, problem, make, **own)
    return bridge


def make_gan(plugins: Plugins, gan: str, problem: Problem, arguments: Mapping[str, Any], *, code_size: int = 0) -> GAN:
    """A registered GAN for the problem's pictures and classes, ready to play by its rules.

    Args:
        arguments: its constructor's own.
        code_size: length of the code that it is given beside its noise.

    Raises:
        SettingsError: an argument that it does not take, or pictures too small for it.
    """
    least = plugins.gans.resolve(gan).min_size
    if problem.size < least:
        raise SettingsError(f"size is {problem.size}, but the GAN {gan!r} needs at least {least} pixels per side; --set size={least}.")
    fixed = {"channels": problem.channels, "size": problem.size, "num_classes": problem.num_classes, "code_size": code_size}
    built: GAN = plugins.gans.build(gan, **fixed, **arguments)
    return built.ready()


def rebuilt(plugins: Plugins, config: Mapping[str, Any], problem: Problem, device: torch.device | None = None) -> Bridge:
    """The bridge of a saved model's GAN, with random weights, in eval mode.

    Raises:
        SettingsError: arguments that the GAN or the bridge refuses.
        UnknownName: no installed plugin brings the GAN, or the bridge that was chosen; the message says what to install.
    """
    arguments = {part: dict(config.get(f"{part}_settings", {})) for part in ("gan", "bridge")}
    if "noise" in arguments["bridge"]:  # models of before the GAN drew its own noise
        arguments["gan"].setdefault("noise", arguments["bridge"].pop("noise"))
    arguments["bridge"].pop("ramp", None)  # a constant since; no network depends on it
    with explained(config), torch.random.fork_rng([]):  # so that drawing with a seed leaves the caller's random state alone
        bridge = build_bridge(plugins, config["recipe"]["gan"], problem, arguments)
    for module in gan_modules(bridge).values():
        module.to(device).eval()  # None leaves them where they are
    return bridge


def sketched_gan(plugins: Plugins, config: Mapping[str, Any], problem: Problem) -> dict[str, nn.Module]:
    """Generators and critics of a config, without memory: shapes, to compare with files before anything is allocated.

    Raises:
        WeightsError: settings that it refuses, or a GAN that cannot be built on the meta device.
        UnknownName, SettingsError, PluginError: see `build_bridge`.
    """
    with refused(config, ("gan", "bridge")), without_memory():
        return gan_modules(rebuilt(plugins, config, problem))


@contextmanager
def refused(config: Mapping[str, Any], parts: Sequence[str]) -> Iterator[None]:
    """A block in which a part is built from a config; whatever torch or a plugin says of a width of -1 or of 2**60 is a WeightsError.

    Args:
        parts: kinds; the first one's name, and the settings of all, are in the message.
    """
    try:
        yield
    except DazooError:
        raise
    except Exception as exc:
        settings = {f"{part}_settings": config[f"{part}_settings"] for part in parts if config.get(f"{part}_settings")}
        reason = f"{type(exc).__name__}: {' '.join(str(exc).split())[:300]}"
        raise WeightsError(
            f"config.json: the {parts[0]} {config['recipe'][parts[0]]!r} refuses {shown(settings, 200)} ({reason}). "
            "Install what saved it, or fetch the model again."
        ) from exc


def check_gan_fits(modules: Mapping[str, nn.Module], folder: Path, files: Iterable[str]) -> None:
    """Compare the headers of files with a sketch of the modules whose names begin as the file's.

    Raises:
        WeightsError: a file that does not fit.
    """
    for file in files:
        side = file.partition(".")[0]
        check_fit(folder / file, state_of({name: m for name, m in modules.items() if name.startswith(side)}), f"the {side}")


def fill(modules: Mapping[str, nn.Module], folder: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Load "<group>/<key>" tensors of files into the modules whose names begin as the file's, strictly.

    Raises:
        WeightsError: a file that is missing or altered, or that does not fit.
    """
    for file, facts in files.items():
        side = file.partition(".")[0]
        mine = {name: module for name, module in modules.items() if name.startswith(side)}
        load_groups(folder / file, facts, mine, f"the {side}")


def gan_modules(bridge: Bridge) -> dict[str, nn.Module]:
    """Generators and critics of a bridge by name (its own helpers among them, such as a critic's class head)."""
    return {k: v for k, v in bridge.groups().items() if isinstance(v, nn.Module) and k.startswith(("generator", "critic"))}
