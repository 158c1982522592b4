"""Any timm architecture as a backbone."""

from __future__ import annotations

from urllib.error import URLError

import timm
import torch
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.errors import LocalEntryNotFoundError
from timm.models import get_arch_pretrained_cfgs
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import Backbone
from dazoo.errors import OfflineError
from dazoo.errors import SettingsError
from dazoo_timm.reading import apply_norm
from dazoo_timm.reading import create
from dazoo_timm.reading import reading
from dazoo_timm.reading import remove


_NETWORK = (LocalEntryNotFoundError, HfHubHTTPError, URLError, ConnectionError, TimeoutError)


class TimmBackbone(Backbone):
    """A timm network without its own head.

    Pictures of any size are taken. Most networks run at the size that comes; those whose strides, patches or windows need
    it get the picture resized inside (bilinearly): to sides rounded up to a multiple, to a least side, or, where the network
    is built for one size (MLP mixers, Beit, MaxViT, ...), to that size. `fit` tells which. Tokens become a map, those that
    stand for the whole picture are left out, and the feature is the mean over the map, followed by timm's norm where it has
    one there. Other layers between the map and the class scores are dropped. Grey pictures are repeated to three channels.

    Args:
        num_classes: number of classes K.
        in_channels: 1 or 3.
        arch: timm's name, such as "resnet18".
        pretrained: False for a random start; True for timm's default weights; or their tag, such as "a1_in1k". They come
            from timm's own source into its own cache; images are then brought to the mean and deviation that they expect.
        size: resize every picture to this side, in pixels, first (weights trained on 224 pixels read small pictures better
            so); a network that is built for one size is built for this one. None to take pictures as they are.

    Shape:
        images (N, C_in, H, W), H and W at least 16, float in [-1, 1]; map (N, num_features, h, w); logits (N, K).

    Raises:
        SettingsError: an unknown architecture or tag, one that gives no feature map, a size that it cannot be built for,
            a number of channels other than 1 and 3.
        OfflineError: the weights are not in the cache and cannot be downloaded.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, *, num_classes: int, in_channels: int = 3, arch: str, pretrained: bool | str = False, size: int | None = None
    ) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels)
        if in_channels not in (1, 3):
            raise SettingsError(f"in_channels is {in_channels}; timm's networks take 1 (repeated to 3) or 3.")
        if size is not None and size < 16:
            raise SettingsError(f"size is {size}; expected at least 16 pixels, or None.")
        if not timm.is_model(arch):
            raise SettingsError(f"timm {timm.__version__} has no architecture {arch!r}; `dazoo list backbones 'timm_*'` shows what it has.")
        self.arch, self.size = arch, size
        self.reading = reading(arch, size)
        self.body = _load(arch, pretrained, self.reading.options) if pretrained else create(arch, self.reading.options)
        mean, std = _range(self.body) if pretrained else ((0.0,) * 3, (1.0,) * 3)
        remove(self.body, self.reading.idle)
        # Saved with the weights, so that a trained network is rebuilt without asking for the pretrained weights again.
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))
        self.num_features = self.reading.channels
        self.head = nn.Linear(self.num_features, num_classes)

    def fit(self, h: int, w: int) -> tuple[int, int]:
        """The size at which the network sees a picture of h x w pixels."""
        return self.reading.fit(*((self.size, self.size) if self.size else (h, w)))

    def forward_features(self, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        size = self.fit(h, w)
        if size != (h, w):
            x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
        x = (x.expand(-1, 3, -1, -1) - self.mean) / self.std
        return self.reading.map(self.body, x)  # (N, C, h, w)

    def pool(self, f: Tensor) -> Tensor:
        return apply_norm(self.body, self.reading.norm, f.mean(dim=(2, 3), keepdim=True)).flatten(1)

    def dense(self, x: Tensor) -> Tensor:
        f = apply_norm(self.body, self.reading.norm, self.forward_features(x))
        return self.head(f.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _load(arch: str, pretrained: bool | str, options: dict) -> nn.Module:
    """The network with timm's weights, loaded strictly by timm."""
    known = {tag: cfg for tag, cfg in get_arch_pretrained_cfgs(arch).items() if cfg.has_weights}
    if not known:
        raise SettingsError(f"timm has no pretrained weights for {arch}; use pretrained=False for a random start.")
    tags = [name.partition(".")[2] for name in known]
    if isinstance(pretrained, str) and pretrained not in tags:
        has = ", ".join(filter(None, tags)) or "one set, pretrained=True"
        raise SettingsError(f"timm's {arch} has no weights tagged {pretrained!r}; it has {has}.")
    name = arch if pretrained is True else f"{arch}.{pretrained}"
    try:
        return create(name, options, pretrained=True)
    except Exception as exc:
        if not _is_network(exc):
            raise
        cfg = timm.get_pretrained_cfg(name)
        where = cfg.hf_hub_id or cfg.url
        how = f"`hf download {cfg.hf_hub_id}`" if cfg.hf_hub_id else "download that file to torch's hub cache"
        raise OfflineError(
            f"The pretrained weights of timm's {name} ({where}) are not in the cache and cannot be downloaded "
            f"({type(exc).__name__}: {' '.join(str(exc).split())[:160]}). Fetch them where there is a network ({how}; HF_HOME names "
            "the cache folder, HF_HUB_OFFLINE=1 forbids downloads), or use pretrained=False for a random start."
        ) from exc


def _is_network(exc: BaseException | None) -> bool:
    """Whether an error, or what caused it, is the network's or the cache's."""
    while exc is not None:
        if isinstance(exc, _NETWORK) or type(exc).__module__.partition(".")[0] in ("httpx", "requests", "urllib3"):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _range(net: nn.Module) -> tuple[list[float], list[float]]:
    """What takes [-1, 1] to the mean and deviation that the weights expect, as mean and deviation in [-1, 1]."""
    cfg = net.pretrained_cfg
    return [2 * m - 1 for m in cfg["mean"]], [2 * s for s in cfg["std"]]
