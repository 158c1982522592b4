"""Backbones of saved models, built from their configs through the registry alone: without memory first, then for real."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from dazoo.contracts import Backbone
from dazoo.errors import DazooError
from dazoo.errors import WeightsError
from dazoo.models.provenance import explained
from dazoo.models.tensors import check_fit
from dazoo.models.tensors import read_tensors
from dazoo.registry.plugins import zoo


_IN_PLACE = (torch.Tensor.normal_, torch.Tensor.log_normal_, torch.Tensor.exponential_, torch.Tensor.erfinv_)


class _NoDrawing(TorchFunctionMode):
    """Leaves out random initialisation: it means nothing without memory, and there it would import torch's compiler, for seconds."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _IN_PLACE or getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return (torch.empty if func is torch.randn else func)(*args, **(kwargs or {}))


@contextmanager
def without_memory() -> Iterator[None]:
    """What is built inside has shapes and no values (torch's meta device)."""
    with torch.device("meta"), _NoDrawing():
        yield


def build_backbone(config: Mapping[str, Any], weights: Path) -> Backbone:
    """The backbone of a config with the weights of a file, strictly.

    The network is first built without memory and compared with the file's header, so that a config that asks for a terabyte is refused
    before anything is allocated.

    Raises:
        UnknownName: no installed plugin brings the backbone; the message says what to install.
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


def sketched(config: Mapping[str, Any]) -> Backbone | None:
    """The backbone of a config without memory, or None for one whose class says that it cannot be built so.

    Raises:
        UnknownName, WeightsError: see `build_backbone`.
    """
    if not _class_of(config).sketchable:
        return None
    with without_memory():
        return built(config)


def built(config: Mapping[str, Any]) -> Backbone:
    """The backbone of a config, with random weights; nothing is fetched.

    Raises:
        UnknownName, WeightsError: see `build_backbone`.
    """
    settings = {**config.get("backbone_settings", {}), **dict.fromkeys(_class_of(config).fetches, False)}
    shape = {"num_classes": len(config["classes"]), "in_channels": config["channels"]}
    try:
        with torch.random.fork_rng([]):  # random weights are drawn only to be overwritten
            return zoo().backbones.build(config["recipe"]["backbone"], **shape, **settings)
    except DazooError:
        raise
    except Exception as exc:  # whatever torch or a plugin says of a width of -1 or of 2**60
        reason = f"{type(exc).__name__}: {' '.join(str(exc).split())[:300]}"
        raise WeightsError(
            f"config.json: {whose(config)} refuses the settings {settings} ({reason}). Install the plugin version that saved it, "
            "or fetch the model again."
        ) from exc


def whose(config: Mapping[str, Any]) -> str:
    """How messages name the backbone of a config."""
    return f"the backbone {config['recipe']['backbone']!r} with {len(config['classes'])} classes"


def unwrapped(network: nn.Module) -> nn.Module:
    """The network inside of torch's wrappers for several GPUs and for its compiler, which put a prefix before each name of its state."""
    while True:
        if isinstance(network, nn.DataParallel | nn.parallel.DistributedDataParallel):
            network = network.module
        elif type(network).__name__ == "OptimizedModule":  # torch.compile's; importing it takes a second
            network = network.get_submodule("_orig_mod")
        else:
            return network


def _class_of(config: Mapping[str, Any]) -> type[Backbone]:
    with explained(config):
        return zoo().backbones.resolve(config["recipe"]["backbone"])
