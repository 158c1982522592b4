"""Networks of a saved model, built from its config through the registries alone."""

from __future__ import annotations

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


_IN_PLACE = (torch.Tensor.normal_, torch.Tensor.log_normal_, torch.Tensor.exponential_, torch.Tensor.erfinv_)


class _NoDrawing(TorchFunctionMode):
    """Leaves out random initialisation: it means nothing without memory, and there it would import torch's compiler, for seconds."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _IN_PLACE or getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return (torch.empty if func is torch.randn else func)(*args, **(kwargs or {}))


def build_backbone(config: Mapping[str, Any], weights: Path) -> Backbone:
    """The backbone of a config with the weights of a file, strictly.

    The network is first built without memory (meta device) and compared with the file's header, so that a config that asks for a terabyte
    is refused before anything is allocated. What cannot be built there is refused too, unless its class says that it is not `sketchable`.

    Raises:
        UnknownName: no installed plugin brings the backbone; the message says which distribution did.
        WeightsError: settings that the backbone refuses, or weights that do not fit it.
    """
    name = config["recipe"]["backbone"]
    try:
        cls = zoo().backbones.resolve(name)
    except UnknownName as exc:
        saved = ", ".join(f"{d} {v}" for d, v in config.get("plugins", {}).items())
        raise UnknownName(f"{exc} The model was saved with {saved or 'unknown plugins'}; install the one that brings it.") from exc
    # The weights are here, so that nothing may be fetched to be thrown away.
    settings = {**config.get("backbone_settings", {}), **dict.fromkeys(cls.fetches, False)}
    whose = f"the backbone {name!r} with {len(config['classes'])} classes"

    def build() -> Backbone:
        try:
            return zoo().backbones.build(name, num_classes=len(config["classes"]), in_channels=config["channels"], **settings)
        except DazooError:
            raise
        except Exception as exc:  # whatever torch or a plugin says of a width of -1 or of 2**60
            reason = f"{type(exc).__name__}: {' '.join(str(exc).split())[:300]}"
            raise WeightsError(
                f"config.json: {whose} refuses the settings {settings} ({reason}). Install the plugin version that saved it, "
                "or fetch the model again."
            ) from exc

    if cls.sketchable:
        with torch.device("meta"), _NoDrawing():
            sketch = build()
        check_fit(weights, sketch.state_dict(), whose)
    with torch.random.fork_rng([]):  # random weights are drawn only to be overwritten
        backbone = build()
    if not cls.sketchable:
        check_fit(weights, backbone.state_dict(), whose)
    backbone.load_state_dict(read_tensors(weights), strict=True)
    return backbone
