"""A library's network as a backbone: sizes, range, grey pictures and norm; and what is particular to a pretrained start."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import ClassVar

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import Backbone
from dazoo.contracts import OptimizerSettings
from dazoo.contracts import Start
from dazoo.errors import SettingsError
from dazoo_wrapping.finding import in_folder
from dazoo_wrapping.weights import digest_of
from dazoo_wrapping.weights import is_path


MIN_SIZE, MAX_SIZE = 16, 4096
MOST = 384
"""Side in pixels up to which pretrained weights have their own size. Beyond it (EfficientNet-B7 600, ViT SWAG 512) memory would be spent
on sources of a few hundred pixels."""

RESNET = {"optimizer": "sgd", "lr": 0.01, "weight_decay": 1e-3, "schedule": "inverse"}
"""How Transfer-Learning-Library fine-tunes ResNets (github.com/thuml/Transfer-Learning-Library, examples/domain_adaptation/
image_classification/dann.py and cdan.py): SGD with Nesterov momentum 0.9, lr 0.01 for the head and a tenth of it for the body, weight decay
1e-3, and the inverse schedule of Ganin et al. 2016."""

PHOTOS = {"batch": 32, "augment": "photos"}
"""What weights of photographs ask for where the pictures are a person's own; the batch is Transfer-Learning-Library's."""

_RESNET = re.compile(r"(wide_)?resne(t|xt)\d")
_CONVOLUTIONAL = re.compile(r"(wide_)?resne(t|xt)|(tf_)?efficientnet|mobilenet|mnasnet|regnet|densenet|vgg|googlenet|shufflenet")
"""Networks that are fine-tuned like ResNets; others (transformers, ConvNeXt) keep the adaptive optimiser that they were trained with."""


class Wrapped(Backbone):
    """A library's network without its own head, from a random start.

    Args:
        num_classes: number of classes K.
        in_channels: 1 (repeated to 3) or 3.
        arch: the library's name of the architecture.
        size: resize every picture to this side, in pixels, first; None to take pictures as they are.
        pretrained: False. A pretrained start has a name of its own, so that no table mixes the two.

    Raises:
        SettingsError: a number of channels other than 1 and 3, a size that is no number from 16 to 4096, another `pretrained`.
    """

    fetches: ClassVar[tuple[str, ...]] = ("pretrained",)
    library: ClassVar[str]
    prefix: ClassVar[str]
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        num_classes: int,
        in_channels: int = 3,
        arch: str,
        size: int | None = None,
        pretrained: bool | str | os.PathLike[str] = False,
    ) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels)
        if in_channels not in (1, 3):
            raise SettingsError(f"in_channels is {in_channels}; {self.library}'s networks take 1 (repeated to 3) or 3.")
        if size is not None and not (type(size) is int and MIN_SIZE <= size <= MAX_SIZE):
            raise SettingsError(f"size is {size!r}; expected at least {MIN_SIZE} and at most {MAX_SIZE} pixels, or None.")
        if pretrained is not False and not isinstance(self, Pretrained):
            raise SettingsError(
                f"{self.prefix}{arch} starts at random, and pretrained is {pretrained!r}; leave it out, or name the backbone "
                f"{self.prefix}{arch}_pretrained."
            )
        self.arch, self.size = arch, size

    def finish(self, channels: int, mean: Sequence[float], std: Sequence[float]) -> None:
        """Set what follows the body: `mean` and `std` of the pictures in [-1, 1] that it expects, and a head for a map of `channels`."""
        # Saved with the weights, so that a trained network is rebuilt without asking for the pretrained weights again.
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))
        self.num_features = channels
        self.head = nn.Linear(channels, self.num_classes)

    def fit(self, h: int, w: int) -> tuple[int, int]:
        """The size at which the network sees a picture of h x w pixels."""
        raise NotImplementedError(f"{type(self).__name__} must implement fit(h, w).")

    def read(self, x: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) of a size that fits, in the range of the weights, to the map (N, C, h, w)."""
        raise NotImplementedError(f"{type(self).__name__} must implement read(x).")

    def after(self, f: Tensor) -> Tensor:
        """The library's norm between pooling and class scores, on a map (N, C, h, w)."""
        raise NotImplementedError(f"{type(self).__name__} must implement after(f).")

    def forward_features(self, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        size = self.fit(h, w)
        if size != (h, w):
            x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
        return self.read((x.expand(-1, 3, -1, -1) - self.mean) / self.std)  # (N, C, h, w)

    def pool(self, f: Tensor) -> Tensor:
        return self.after(f.mean(dim=(2, 3), keepdim=True)).flatten(1)

    def positions(self, f: Tensor) -> Tensor:
        return self.after(f).permute(0, 2, 3, 1)


class Pretrained(Wrapped):
    """What a pretrained start asks of a run; a mixin before the library's own class.

    `pretrained` is True for the library's default weights, a name of others, or the path of a safetensors file with the library's names of
    tensors. False rebuilds a saved network, whose weights come with it.
    """

    prefix: ClassVar[str]

    @classmethod
    def found(cls, arch: str, seconds: float) -> str:
        """Where the default weights are, in a few words; "" where they are not here and do not come within that time."""
        raise NotImplementedError(f"{cls.__name__} must implement found(arch, seconds).")

    @classmethod
    def at_hand(cls, seconds: float = 0.0, **arguments: Any) -> Start | None:
        if arguments.get("pretrained", True) is not True:
            return Start("the weights that were named")
        file = in_folder(cls.prefix, arguments["arch"])
        if file is not None:
            return Start(f"pretrained weights from {file}", {"pretrained": str(file)})
        text = cls.found(arguments["arch"], seconds)
        return Start(text) if text else None

    @classmethod
    def side(cls, arch: str, pretrained: object) -> int:
        """Side in pixels of the pictures that the weights were trained on."""
        raise NotImplementedError(f"{cls.__name__} must implement side(arch, pretrained).")

    @classmethod
    def wants(cls, **arguments: Any) -> Mapping[str, Any]:
        arch, pretrained = arguments["arch"], arguments.get("pretrained", True)
        if pretrained is False:
            return {}
        own = {"size": min(arguments.get("size") or cls.side(arch, pretrained), MOST)}
        return {**own, **RESNET} if _RESNET.match(arch) else own

    @classmethod
    def wants_for_own(cls, **arguments: Any) -> Mapping[str, Any]:
        if arguments.get("pretrained", True) is False:
            return {}
        return {**PHOTOS, **RESNET} if _CONVOLUTIONAL.match(arguments["arch"]) else PHOTOS

    @classmethod
    def identify(cls, **arguments: Any) -> Mapping[str, Any]:
        pretrained = arguments.get("pretrained", True)
        if pretrained is False:
            raise SettingsError(
                "pretrained is False, and the backbone's name ends in _pretrained; name it without that for a random start."
            )
        return {**arguments, "pretrained": {"sha256": digest_of(pretrained)}} if is_path(pretrained) else arguments

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        return {"backbone.body": {"lr_factor": 0.1}}
