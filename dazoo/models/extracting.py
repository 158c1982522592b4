"""Extractors for figures of pictures: of an entry's name, a model, or a file of weights."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch import nn

from dazoo.engine.device import choose_device
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo.metrics.pictures.extractor import Extractor
from dazoo.models.load import resolve_model
from dazoo.models.model import Model
from dazoo.models.reference_networks import NETWORKS
from dazoo.models.reference_networks import Network
from dazoo.models.tensors import read_tensors
from dazoo.plain import digest_of
from dazoo.plain import expanded
from dazoo.plain import whole_number


INCEPTION = "inception"
"""The word for torchvision's Inception v3."""

FOLDER = "DAZOO_WEIGHTS"
"""Variable that names a folder of safetensors files, each called after its architecture."""


def extractor_of(ref: Any, *, size: int | None = None, device: str = "cpu", batch: int = 64) -> Extractor:
    """A network that reads pictures for `dazoo.metrics.pictures.compare_sets`.

    Args:
        ref: a path ending in .safetensors, of VGG16's convolutions (torchvision's names), timm's tf_efficientnet_lite0 or torchvision's
            inception_v3; "inception", which is looked for in the folder that DAZOO_WEIGHTS names and in torch's cache; an entry's name, a
            saved model's folder or whatever else `dazoo.load` takes; a loaded `Model`; or an `Extractor`, which is given back.
        size: side in pixels of the pictures that it reads; the model's own, else 64 for VGG16, 224 for EfficientNet and 299 for Inception.
            Another side gives other figures, and stands in their protocol.
        device: where it runs ("cpu", "cuda", "auto"); a loaded Model stays where it is.
        batch: pictures in one pass.

    Raises:
        SettingsError: a side or a batch out of range, or a library that is not installed.
        WeightsError: a file that is missing, damaged, or of another network; an altered entry.
        InvalidName, UnknownName: a reference that names nothing.
    """
    if isinstance(ref, Extractor):
        return ref
    batch = whole_number("batch", batch)
    if size is not None and not 8 <= whole_number("size", size) <= 1024:
        raise SettingsError(f"size is {size}; expected 8 to 1024 pixels.")
    if isinstance(ref, str) and ref == INCEPTION:
        ref = _inception()
    if isinstance(ref, str | os.PathLike) and str(ref).endswith((".safetensors", ".pth")):
        return _of_file(expanded(ref), size, choose_device(device), batch)
    return _of_model(resolve_model(ref, device), size, batch)


def _of_model(model: Model, size: int | None, batch: int) -> Extractor:
    def read(images: Tensor) -> tuple[Tensor, Tensor]:
        with model.inference():
            out = model.read(model.moved(images))
        return out.features, out.logits

    state = {**model.backbone.state_dict(), **{f"heads.{k}": v for k, v in model.heads.state_dict().items()}}
    return Extractor(model.name, digest_of_state(state), size or int(model.size), read, model.channels, batch=batch)


def _of_file(path: Path, size: int | None, device: torch.device, batch: int) -> Extractor:
    if not path.is_file():
        raise WeightsError(f"{path} is {'no file' if path.exists() else 'not there'}; give the path of a file of weights.")
    tensors = _tensors(path)
    kind = next((network for network in NETWORKS if network.mark in tensors), None)
    if kind is None:
        known = ", ".join(network.name for network in NETWORKS)
        raise WeightsError(f"{path} holds the weights of no network that is known here ({known}); its first name is {min(tensors)!r}.")
    net = _filled(kind, tensors, path).eval().requires_grad_(False)
    net = net.to(device).to(memory_format=torch.channels_last)  # twice as fast on a CPU and more

    def on_device(function: Callable[[nn.Module, Tensor], Any]) -> Callable[[Tensor], Any]:
        return lambda images: function(net, images.to(device, memory_format=torch.channels_last))

    layers = None if kind.layers is None else on_device(kind.layers)
    return Extractor(kind.name, digest_of(path)["sha256"], size or kind.size, on_device(kind.read), layers=layers, batch=batch)


def _filled(kind: Network, tensors: Mapping[str, Tensor], path: Path) -> nn.Module:
    """The network with these weights in float32, which must be all of it and nothing else."""
    try:
        net = kind.build()
    except ModuleNotFoundError as exc:
        raise SettingsError(f'{kind.name} needs {exc.name}; install it with: pip install "dazoo[metrics]".') from exc
    try:
        net.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}, strict=True)
    except RuntimeError as exc:
        raise WeightsError(f"{path} does not fit {kind.name}: {' '.join(str(exc).split())[:300]}.") from exc
    return net


def _tensors(path: Path) -> Mapping[str, Tensor]:
    if path.suffix == ".safetensors":
        return read_tensors(path)
    try:
        read = torch.load(path, map_location="cpu", weights_only=True)  # tensors alone: no pickle runs code
    except Exception as exc:  # whatever a damaged or foreign file raises
        raise WeightsError(f"{path} is no whole file of tensors ({type(exc).__name__}: {str(exc).splitlines()[0][:200]}).") from exc
    if not isinstance(read, Mapping) or not read or not all(isinstance(t, Tensor) for t in read.values()):
        raise WeightsError(f"{path} holds no state dict of tensors.")
    return read


def _inception() -> Path:
    """The file of torchvision's Inception v3, in the user's folder or in torch's cache."""
    named = os.environ.get(FOLDER)
    folder = [expanded(named) / name for name in ("tv_inception_v3.safetensors", "inception_v3.safetensors")] if named else []
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    places = [*folder, *sorted(cache.glob("inception_v3_google-*.pth"))]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise WeightsError(
            f"torchvision's Inception v3 is not here: {FOLDER} names no folder with inception_v3.safetensors, and {cache} has no "
            "inception_v3_google-*.pth. Nothing is downloaded; put it there, or take another extractor, such as a file of vgg16_features."
        )
    return found


def digest_of_state(state: Mapping[str, Tensor]) -> str:
    """sha256 over names, shapes, types and values of a state dict."""
    h = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        h.update(repr((name, tuple(value.shape), str(value.dtype))).encode())
        h.update(np.ascontiguousarray(value.reshape(-1).view(torch.uint8).numpy()).data)
    return h.hexdigest()
