"""Torchvision's own networks and weights: which there are, and how they come without a pickle that runs code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from pathlib import PurePosixPath
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import torch
from torch import Tensor
from torch import nn
from torchvision import models

from dazoo.errors import OfflineError
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError
from dazoo_wrapping.finding import answers
from dazoo_wrapping.weights import BROKEN
from dazoo_wrapping.weights import check_form
from dazoo_wrapping.weights import is_path
from dazoo_wrapping.weights import tensors_only


# Their weights' files hold auxiliary classifiers, which the body leaves out, and were trained on pictures in [-1, 1].
_INCEPTIONS = ("googlenet", "inception_v3")

# Names in DenseNet's files come from before torch forbade dots in them: norm.1 is norm1 (torchvision/models/densenet.py).
_DOTTED = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)")


def weights_of(arch: str, pretrained: Any) -> models.WeightsEnum | None:
    """Torchvision's record of the weights, None for a random start; of a file: that of the architecture's default.

    Raises:
        SettingsError: an unknown architecture or unknown weights.
    """
    if arch not in models.list_models(module=models):
        raise SettingsError(f"Torchvision has no classifier {arch!r}; `dazoo list backbones 'tv_*'` shows those that it has.")
    check_form(pretrained, arch)
    if pretrained is False:
        return None
    known = models.get_model_weights(arch)
    name = "DEFAULT" if pretrained is True or is_path(pretrained) else pretrained.rpartition(".")[2]
    if name not in known.__members__:
        raise SettingsError(
            f"Torchvision's {arch} has no weights {pretrained!r}; it has {', '.join(known.__members__)}. "
            "A path to a file ends in .safetensors."
        )
    return known[name]


def build(arch: str, chosen: models.WeightsEnum | None) -> nn.Module:
    """The network with random weights, built so that the chosen ones fit."""
    extra: dict[str, Any] = {}
    if arch in _INCEPTIONS:
        extra = {"aux_logits": chosen is not None, "init_weights": chosen is None}
    if arch.startswith("vit_") and chosen is not None:
        extra = {"image_size": chosen.meta["min_size"][0]}
    if arch.startswith("regnet_") and torch.get_default_device().type == "meta":
        with torch.device("cpu"):  # it computes its widths with tensors
            return models.get_model(arch, weights=None).to("meta")
    return models.get_model(arch, weights=None, **extra)


def range_of(arch: str, chosen: models.WeightsEnum | None) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and deviation of pictures in [-1, 1] that the weights expect; (0, 1) for a random start."""
    if chosen is None or arch in _INCEPTIONS:
        return [0.0] * 3, [1.0] * 3
    preset = chosen.transforms()  # of pictures in [0, 1]
    return [2 * m - 1 for m in preset.mean], [2 * s for s in preset.std]


def in_cache(chosen: models.WeightsEnum) -> bool:
    """Whether torch's cache holds the weights."""
    return Path(torch.hub.get_dir(), "checkpoints", PurePosixPath(urlparse(chosen.url).path).name).is_file()


def arrives(arch: str, chosen: models.WeightsEnum, seconds: float) -> bool:
    """Whether a server that answers within that time hands over the weights; they are in the cache then."""
    address = urlparse(chosen.url)
    if not answers(f"{address.scheme}://{address.netloc}", seconds):
        return False
    try:
        fetch(arch, chosen)
    except (OfflineError, WeightsError, OSError):
        return False
    return True


def fetch(arch: str, chosen: models.WeightsEnum) -> Mapping[str, Tensor]:
    """Torchvision's weights from torch's cache or their source.

    Raises:
        OfflineError: they are not in the cache and cannot be downloaded.
        WeightsError: they are damaged, or a pickle of more than tensors.
    """
    try:
        with tensors_only():
            state = chosen.get_state_dict(check_hash=True, weights_only=True, map_location="cpu")
    except (URLError, ConnectionError, TimeoutError) as exc:
        raise OfflineError(
            f"The weights {chosen} of torchvision's {arch} are not in {torch.hub.get_dir()}/checkpoints and cannot be downloaded from "
            f"{chosen.url} ({getattr(exc, 'reason', exc)}). Fetch that file to that folder beforehand, set TORCH_HOME to a folder whose "
            "hub/checkpoints holds it, give a file with pretrained=PATH, or name the backbone without _pretrained for a random start."
        ) from exc
    except BROKEN as exc:
        raise WeightsError(
            f"The weights {chosen} of torchvision's {arch} cannot be used ({type(exc).__name__}: {' '.join(str(exc).split())[:160]}). "
            f"Remove them from {torch.hub.get_dir()}/checkpoints, and they are fetched again."
        ) from exc
    return {_DOTTED.sub(r"\1\2", name): tensor for name, tensor in state.items()}
