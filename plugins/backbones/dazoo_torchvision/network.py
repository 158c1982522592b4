"""Any torchvision classifier as a backbone: its layers up to the pooling, and a linear head of our own."""

from __future__ import annotations

import math
import os
from typing import Any

from torch import Tensor
from torchvision.models import MaxVit
from torchvision.models import VisionTransformer

from dazoo.errors import SettingsError
from dazoo_torchvision.fetching import arrives
from dazoo_torchvision.fetching import build
from dazoo_torchvision.fetching import fetch
from dazoo_torchvision.fetching import in_cache
from dazoo_torchvision.fetching import range_of
from dazoo_torchvision.fetching import weights_of
from dazoo_torchvision.layers import Patches
from dazoo_torchvision.layers import body_of
from dazoo_torchvision.layers import norm_of
from dazoo_torchvision.layers import width_of
from dazoo_wrapping.backbone import Pretrained
from dazoo_wrapping.backbone import Wrapped
from dazoo_wrapping.weights import fill
from dazoo_wrapping.weights import is_path
from dazoo_wrapping.weights import read_file


# Shorter sides below this, in pixels, leave an empty map somewhere inside; such pictures are enlarged. Others manage 16.
_SMALLEST = {"AlexNet": 64, "DenseNet": 32, "Inception3": 80, "SqueezeNet": 24, "VGG": 32, "ConvNeXt": 32}


class TorchvisionBackbone(Wrapped):
    """A torchvision classifier without its own head, from a random start.

    Pictures of any size are taken. Most networks run at the size that comes; a picture whose shorter side is below what
    the network's strides need (AlexNet 64, Inception 80, DenseNet, VGG and ConvNeXt 32, SqueezeNet 24) is enlarged to it,
    bilinearly and with its proportions. `vit_*` rounds each side to a whole number of patches and interpolates its position
    embedding; `maxvit_t` is built for 224x224, so every picture is resized to that.

    Layers between the last convolution and the class scores are kept where they are a norm (ConvNeXt: applied to the pooled
    feature, as there) and dropped where they are fully connected (AlexNet, VGG, MobileNetV3). A vision transformer's feature
    is the mean of its patches. Grey pictures are repeated to three channels.

    Args:
        num_classes: number of classes K.
        in_channels: 1 or 3.
        arch: torchvision's name, such as "resnet18".
        size: resize every picture to this side, in pixels, first; None to take pictures as they are.
        pretrained: False; see `PretrainedTorchvision`.

    Shape:
        images (N, C_in, H, W), H and W at least 16, float in [-1, 1]; map (N, num_features, h, w); logits (N, K).

    Raises:
        SettingsError: an unknown architecture; a number of channels other than 1 and 3; a size out of bounds.
    """

    library = "torchvision"
    prefix = "tv_"

    def __init__(
        self,
        *,
        num_classes: int,
        in_channels: int = 3,
        arch: str,
        size: int | None = None,
        pretrained: bool | str | os.PathLike[str] = False,
    ) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, arch=arch, size=size, pretrained=pretrained)
        chosen = weights_of(arch, pretrained)
        net = build(arch, chosen)
        self.smallest = _SMALLEST.get(type(net).__name__, 16)
        self.fixed = 224 if isinstance(net, MaxVit) else None
        self.norm = norm_of(net)
        self.body = Patches(net) if isinstance(net, VisionTransformer) else body_of(net)
        if chosen is not None:
            file = pretrained if is_path(pretrained) else None
            whose = f"{chosen if file is None else os.fspath(file)} as weights of torchvision's {arch}"
            kept = {id(t) for layer in (self.body, self.norm) for t in layer.state_dict(keep_vars=True).values()}
            names = [name for name, t in net.state_dict(keep_vars=True).items() if id(t) in kept]
            fill(net, fetch(arch, chosen) if file is None else read_file(file), names, whose)
        self.finish(width_of(self.body, max(64, self.smallest, self.fixed or 0)), *range_of(arch, chosen))

    def fit(self, h: int, w: int) -> tuple[int, int]:
        side = self.fixed or self.size
        grow = max(1.0, self.smallest / min(h, w))
        return (side, side) if side else (math.ceil(h * grow), math.ceil(w * grow))

    def read(self, x: Tensor) -> Tensor:
        return self.body(x)

    def after(self, f: Tensor) -> Tensor:
        return self.norm(f)


class PretrainedTorchvision(Pretrained, TorchvisionBackbone):
    """The same from weights: a tenth of the head's learning rate for the body, and the run settings that suit them.

    Args:
        pretrained: True for torchvision's default weights; their name, such as "IMAGENET1K_V1"; or a safetensors file with torchvision's
            names, which is loaded strictly but for the layers that are dropped. Pictures are brought to the mean and deviation that the
            weights expect (a file's: those of the architecture's default weights). False rebuilds a saved network.
        others: as for `TorchvisionBackbone`.

    Raises:
        SettingsError: see `TorchvisionBackbone`; unknown weights.
        OfflineError: the weights are not in the cache and cannot be downloaded.
        WeightsError: they are damaged, do not fit, or hold more than tensors.
    """

    def __init__(self, *, pretrained: bool | str | os.PathLike[str] = True, **others: Any) -> None:
        super().__init__(pretrained=pretrained, **others)

    @classmethod
    def found(cls, arch: str, seconds: float) -> str:
        weights = weights_of(arch, True)
        here = weights is not None and (in_cache(weights) or seconds > 0 and arrives(arch, weights, seconds))
        return f"torchvision's pretrained weights ({weights})" if here else ""

    @classmethod
    def side(cls, arch: str, pretrained: object) -> int:
        chosen = weights_of(arch, pretrained)
        if chosen is None:
            raise SettingsError(f"pretrained of {arch} is {pretrained!r}; only weights were trained on pictures of some size.")
        return max(chosen.transforms().crop_size)
