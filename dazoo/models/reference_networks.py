"""Networks of ImageNet whose files of weights serve as a stated feature space: how each is built, and how it reads pictures in [-1, 1]."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from typing import cast

import torch
from torch import Tensor
from torch import nn

from dazoo.errors import DataError


MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures in [0, 1], as torchvision's weights expect them."""


@dataclass(frozen=True)
class Network:
    """One network.

    Attributes:
        name: what protocols call it.
        mark: a name of a tensor that only its files have.
        size: side that it reads, pixels.
        build: an empty one.
        read: (network, images) to features (N, D) and logits (N, K), or None.
        layers: (network, images) to feature maps, the finest first; None where nobody takes a perceptual distance on it.
    """

    name: str
    mark: str
    size: int
    build: Callable[[], nn.Module]
    read: Callable[[nn.Module, Tensor], tuple[Tensor, Tensor | None]]
    layers: Callable[[nn.Module, Tensor], Sequence[Tensor]] | None = None


class VGG16Features(nn.Module):
    """The 13 convolutions of VGG16 (Simonyan and Zisserman 2015) under torchvision's names."""

    WIDTHS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
    LEAST = 16
    """Pixels a side that leave one position before the last stage."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width, number in self.WIDTHS:
            for _ in range(number):
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) in [-1, 1] to the last map of each of the five stages."""
        if min(images.shape[2:]) < self.LEAST:
            raise DataError(f"VGG16 needs {self.LEAST} pixels a side; the pictures are {images.shape[2]}x{images.shape[3]}.")
        maps, x = [], _normalised(images)
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                maps.append(x)
                if len(maps) == len(self.WIDTHS):
                    break
            x = layer(x)
        return maps


def _normalised(images: Tensor) -> Tensor:
    """From [-1, 1] to the mean and deviation of torchvision's weights."""
    mean, deviation = (images.new_tensor(v).view(1, 3, 1, 1) for v in (MEAN, DEVIATION))
    return ((images + 1) / 2 - mean) / deviation


SCALE = 8.0
"""VGG16's features are divided by it. Their mean square is then 0.2 to 0.4 on photographs and signs, as EfficientNet's is, not 15 to 25:
KID's cubic kernel is for features of that size, and is noise in the hundreds without it."""


def _read_vgg(net: nn.Module, images: Tensor) -> tuple[Tensor, None]:
    return net(images)[-1].mean((2, 3)) / SCALE, None


def _efficientnet() -> nn.Module:
    import timm

    return timm.create_model("tf_efficientnet_lite0", pretrained=False)


def _read_efficientnet(net: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    timms = cast("Any", net)
    features = timms.forward_head(timms.forward_features(images), pre_logits=True)  # its mean and deviation are 0.5: [-1, 1] as it is
    return features, timms.get_classifier()(features)


def _inception() -> nn.Module:
    from torchvision.models import inception_v3

    return inception_v3(weights=None, init_weights=False, transform_input=False)


def _read_inception(net: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    found: list[Tensor] = []
    hook = cast("Any", net).avgpool.register_forward_hook(lambda _, __, out: found.append(torch.flatten(out, 1)))
    try:
        logits = net(_normalised(images))
    finally:
        hook.remove()
    return found[0], logits


NETWORKS = (
    Network("vgg16_features / 8", "features.28.weight", 64, VGG16Features, _read_vgg, lambda net, images: net(images)),
    Network("tf_efficientnet_lite0", "conv_stem.weight", 224, _efficientnet, _read_efficientnet),
    Network("inception_v3", "Mixed_7c.branch_pool.conv.weight", 299, _inception, _read_inception),
)
