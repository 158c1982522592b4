"""Networks of a saved model, built from its config through the registries alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from dazoo.contracts import Backbone
from dazoo.errors import DazooError
from dazoo.errors import UnknownName
from dazoo.errors import WeightsError
from dazoo.models.tensors import check_fit
from dazoo.models.tensors import read_tensors
from dazoo.registry.plugins import zoo


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
    name = config["recipe"]["backbone"]
    settings = dict(config.get("backbone_settings", {}))
    if settings.get("pretrained"):
        settings["pretrained"] = False  # the weights are here; nothing may be downloaded to be thrown away
    whose = f"the backbone {name!r} with {len(config['classes'])} classes"

    def build() -> Backbone:
        return zoo().backbones.build(name, num_classes=len(config["classes"]), in_channels=config["channels"], **settings)

    try:
        with torch.device("meta"), _NoDrawing():
            sketch = build()
    except UnknownName as exc:
        saved = ", ".join(f"{d} {v}" for d, v in config.get("plugins", {}).items())
        raise UnknownName(f"{exc} The model was saved with {saved or 'unknown plugins'}; install the one that brings it.") from exc
    except DazooError:
        raise
    except (TypeError, ValueError) as exc:
        raise WeightsError(
            f"config.json: {whose} refuses the settings {settings}: {exc} Install the plugin version that saved it."
        ) from exc
    except Exception as exc:  # a network that computes on values while it is built has no sketch
        log.debug("%s cannot be built on the meta device: %s", name, exc)
        sketch = None
    if sketch is not None:
        check_fit(weights, sketch.state_dict(), whose)
    with torch.random.fork_rng([]):  # random weights are drawn only to be overwritten
        backbone = build()
    if sketch is None:
        check_fit(weights, backbone.state_dict(), whose)
    backbone.load_state_dict(read_tensors(weights), strict=True)
    return backbone
