"""Networks of a saved model, built from its config through the registries alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import torch
from torch import Tensor
from torch import nn
from torch.overrides import TorchFunctionMode

from dazoo.contracts import Backbone
from dazoo.contracts import Bridge
from dazoo.errors import DazooError
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError
from dazoo.models.tensors import check_file
from dazoo.models.tensors import check_fit
from dazoo.models.tensors import misfits
from dazoo.models.tensors import read_tensors
from dazoo.registry.plugins import zoo


if TYPE_CHECKING:
    from dazoo.models.model import Model

log = logging.getLogger(__name__)


_IN_PLACE = (torch.Tensor.normal_, torch.Tensor.log_normal_, torch.Tensor.exponential_, torch.Tensor.erfinv_)


class _NoDrawing(TorchFunctionMode):
    """Leaves out random initialisation: it means nothing without memory, and there it would import torch's compiler, for seconds."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _IN_PLACE or getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return (torch.empty if func is torch.randn else func)(*args, **(kwargs or {}))


def build_backbone(config: Mapping[str, Any], weights: Path) -> Backbone:
    """The backbone of a config with the weights of a file, strictly.

    The network is first built without memory (meta device) and compared with the file's header, so that a config that
    asks for a terabyte is refused before anything is allocated.

    Raises:
        UnknownName: no installed plugin brings the backbone; the message says which distribution did.
        WeightsError: settings that the backbone refuses, or weights that do not fit it.
    """
    sketch = sketched(config)
    if sketch is not None:
        check_fit(weights, sketch.state_dict(), whose(config))
    backbone = built(config)
    if sketch is None:
        check_fit(weights, backbone.state_dict(), whose(config))
    backbone.load_state_dict(read_tensors(weights), strict=True)
    return backbone


def built(config: Mapping[str, Any]) -> Backbone:
    """The backbone of a config, with random weights."""
    classes, settings = config["classes"], dict(config.get("backbone_settings", {}))
    if settings.get("pretrained"):
        settings["pretrained"] = False  # the weights are here; nothing may be downloaded to be thrown away
    with torch.random.fork_rng([]):  # random weights are drawn only to be overwritten
        return zoo().backbones.build(config["recipe"]["backbone"], num_classes=len(classes), in_channels=config["channels"], **settings)


def sketched(config: Mapping[str, Any]) -> Backbone | None:
    """The backbone of a config on the meta device, or None for a network that computes on values while it is built.

    Raises:
        UnknownName, WeightsError: see `build_backbone`.
    """
    try:
        with torch.device("meta"), _NoDrawing():
            return built(config)
    except UnknownName as exc:
        saved = ", ".join(f"{d} {v}" for d, v in config.get("plugins", {}).items())
        raise UnknownName(f"{exc} The model was saved with {saved or 'unknown plugins'}; install the one that brings it.") from exc
    except DazooError:
        raise
    except (TypeError, ValueError) as exc:
        raise WeightsError(
            f"config.json: {whose(config)} refuses the settings {config.get('backbone_settings', {})}: {exc} "
            "Install the plugin version that saved it."
        ) from exc
    except Exception as exc:
        log.debug("%s cannot be built on the meta device: %s", config["recipe"]["backbone"], exc)
        return None


def whose(config: Mapping[str, Any]) -> str:
    """How messages name the backbone of a config."""
    return f"the backbone {config['recipe']['backbone']!r} with {len(config['classes'])} classes"


def build_model_bridge(model: Model) -> Bridge:
    """The bridge of a model's GAN, with random weights.

    Raises:
        SettingsError: settings that the GAN or the bridge refuses.
    """
    bridge = _bridge(model)
    for part in gan_modules(bridge).values():
        part.to(model.device).eval()
    return bridge


def _bridge(model: Model) -> Bridge:
    from dazoo.bridges import build_bridge

    settings = (model.config.get(key, {}) for key in ("gan_settings", "bridge_settings"))
    with torch.random.fork_rng([]):  # so that drawing with a seed leaves the caller's random state alone
        return build_bridge(zoo(), model.config["recipe"]["gan"], model.problem(), *settings)


def check_loadable(model: Model, gan: Mapping[str, nn.Module]) -> None:
    """See that a model's networks have the states of those that `load` will build from its config.

    Args:
        gan: generators and critics that are to be saved, by name.

    Raises:
        WeightsError: they differ, or nothing installed builds them; the message says how, and what to do.
    """
    config = model.config
    try:
        fresh = sketched(config)
        wanted = (built(config) if fresh is None else fresh).state_dict()
        wanted_gan = _gan_state(model) if gan else {}
    except Exception as exc:
        raise WeightsError(f"{model.name} could not be loaded again, so it is not saved: {exc}") from exc
    _check_state(unwrapped(model.backbone).state_dict(), wanted, whose(config), "backbone_settings")
    if gan:
        _check_state(part_state(gan), wanted_gan, f"the GAN {config['recipe']['gan']!r}", "gan_settings, bridge_settings")


def _gan_state(model: Model) -> dict[str, Any]:
    """State of the generators and critics that a model's config builds: on the meta device, where they can be built there."""
    try:
        with torch.device("meta"), _NoDrawing():
            return part_state(gan_modules(_bridge(model)))
    except Exception as exc:
        log.debug("The GAN %s cannot be built on the meta device: %s", model.config["recipe"]["gan"], exc)
        return part_state(gan_modules(_bridge(model)))


def _check_state(state: Mapping[str, Any], wanted: Mapping[str, Any], name: str, settings: str) -> None:
    found = {k: (str(v.dtype).removeprefix("torch."), tuple(v.shape)) for k, v in state.items() if isinstance(v, Tensor)}
    if problems := misfits(found, wanted):
        raise WeightsError(
            f"The model is not the one that its config builds, {name}: it {problems}. It could not be loaded again, so it is not saved. "
            "Take off what was put around its layers (torch.nn.utils.parametrize.remove_parametrizations), or build it as the config says: "
            f"its number of classes, {settings}."
        )


def unwrapped(network: nn.Module) -> nn.Module:
    """The network inside of torch's wrappers for several GPUs and for its compiler, which put a prefix before each name of its state."""
    while True:
        if isinstance(network, nn.DataParallel | nn.parallel.DistributedDataParallel):
            network = network.module
        elif type(network).__name__ == "OptimizedModule":  # torch.compile's; importing it takes a second
            network = network._modules["_orig_mod"]
        else:
            return network


def fill_parts(parts: Mapping[str, nn.Module], folder: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Load "<part>/<key>" tensors of files into the parts whose names begin as the file's, strictly.

    Raises:
        WeightsError: a file that is missing or altered, or that does not fit.
    """
    for file, facts in files.items():
        check_file(folder / file, facts)
        side = file.partition(".")[0]
        mine = {name: part for name, part in parts.items() if name.startswith(side)}
        check_fit(folder / file, part_state(mine), f"the GAN's {side}")
        tensors = read_tensors(folder / file)
        for name, part in mine.items():
            part.load_state_dict({k.removeprefix(f"{name}/"): v for k, v in tensors.items() if k.startswith(f"{name}/")}, strict=True)


def gan_modules(bridge: Bridge) -> dict[str, nn.Module]:
    """Generators and critics of a bridge by name (its own helpers among them, such as a critic's class head)."""
    return {k: v for k, v in bridge.parts().items() if isinstance(v, nn.Module) and k.startswith(("generator", "critic"))}


def part_state(parts: Mapping[str, nn.Module]) -> dict[str, Any]:
    """States of several parts in one mapping, named "<part>/<key>"."""
    return {f"{name}/{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
