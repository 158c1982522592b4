"""Any timm architecture as a backbone."""

from __future__ import annotations

import os
from typing import Any

import timm
from torch import Tensor

from dazoo_timm.fetching import arrives
from dazoo_timm.fetching import cfg_of
from dazoo_timm.fetching import fetch
from dazoo_timm.fetching import in_cache
from dazoo_timm.reading import apply_norm
from dazoo_timm.reading import headless
from dazoo_timm.reading import reading
from dazoo_timm.reading import remove
from dazoo_wrapping.backbone import Pretrained
from dazoo_wrapping.backbone import Wrapped
from dazoo_wrapping.weights import fill
from dazoo_wrapping.weights import is_path
from dazoo_wrapping.weights import read_file


class TimmBackbone(Wrapped):
    """A timm network without its own head, from a random start.

    Pictures of any size are taken. Most networks run at the size that comes; those whose strides, patches or windows need
    it get the picture resized inside (bilinearly): to sides rounded up to a multiple, to a least side, or, where the network
    is built for one size (MLP mixers, Beit, MaxViT, ...), to that size. `fit` tells which. Tokens become a map, those that
    stand for the whole picture are left out, and the feature is the mean over the map, followed by timm's norm where it has
    one there. Other layers between the map and the class scores are dropped. Grey pictures are repeated to three channels.

    Args:
        num_classes: number of classes K.
        in_channels: 1 or 3.
        arch: timm's name, such as "resnet18".
        size: resize every picture to this side, in pixels, first; a network that is built for one size is built for this one. None to take
            pictures as they are.
        pretrained: False; see `PretrainedTimm`.

    Shape:
        images (N, C_in, H, W), H and W at least 16, float in [-1, 1]; map (N, num_features, h, w); logits (N, K).

    Raises:
        SettingsError: an unknown architecture, one that gives no feature map, a size that it cannot be built for,
            a number of channels other than 1 and 3.
    """

    library = "timm"
    prefix = "timm_"

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
        name, cfg = cfg_of(arch, pretrained)
        self.reading = reading(arch, size)
        if pretrained is False or is_path(pretrained):
            self.body = timm.create_model(arch, **self.reading.options)
        else:
            self.body = fetch(name, self.reading.options)
        known = frozenset(self.body.state_dict())
        headless(self.body)
        remove(self.body, self.reading.idle)
        if is_path(pretrained):
            whose = f"{os.fspath(pretrained)} as weights of timm's {arch}"
            fill(self.body, read_file(pretrained), list(self.body.state_dict()), whose, known)
        # Mean and deviation of pictures in [0, 1] become those of pictures in [-1, 1].
        mean, std = ([0.0] * 3, [1.0] * 3) if pretrained is False else ([2 * m - 1 for m in cfg.mean], [2 * s for s in cfg.std])
        self.finish(self.reading.channels, mean, std)

    def fit(self, h: int, w: int) -> tuple[int, int]:
        return self.reading.fit(*((self.size, self.size) if self.size else (h, w)))

    def read(self, x: Tensor) -> Tensor:
        return self.reading.map(self.body, x)

    def after(self, f: Tensor) -> Tensor:
        return apply_norm(self.body, self.reading.norm, f)


class PretrainedTimm(Pretrained, TimmBackbone):
    """The same from weights: a tenth of the head's learning rate for the body, and the run settings that suit them.

    Args:
        pretrained: True for timm's default weights; their tag, such as "a1_in1k"; or a safetensors file with timm's names, which is loaded
            strictly but for the layers that are dropped. Pictures are brought to the mean and deviation that the weights expect (a file's:
            those of the architecture's default weights). False rebuilds a saved network.
        others: as for `TimmBackbone`.

    Raises:
        SettingsError: see `TimmBackbone`; an unknown tag.
        OfflineError: the weights are not in the cache and cannot be downloaded.
        WeightsError: they are damaged, do not fit, or hold more than tensors.
    """

    def __init__(self, *, pretrained: bool | str | os.PathLike[str] = True, **others: Any) -> None:
        super().__init__(pretrained=pretrained, **others)

    @classmethod
    def found(cls, arch: str, seconds: float) -> str:
        _, cfg = cfg_of(arch, True)
        here = in_cache(cfg) is not None or seconds > 0 and arrives(cfg, seconds)
        return f"timm's pretrained weights ({cfg.hf_hub_id or cfg.url})" if here else ""

    @classmethod
    def origin(cls, **arguments: Any) -> str | None:
        pretrained = arguments.get("pretrained", True)
        if pretrained is False or is_path(pretrained):
            return None
        return (cfg_of(arguments["arch"], pretrained)[1].hf_hub_id or "").partition("@")[0] or None

    @classmethod
    def side(cls, arch: str, pretrained: object) -> int:
        return max(cfg_of(arch, pretrained)[1].input_size[1:])
