"""Any torchvision classifier as a backbone: its layers up to the pooling, and a linear head of our own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from urllib.error import URLError

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F
from torchvision import models
from torchvision.models import DenseNet
from torchvision.models import MaxVit
from torchvision.models import VisionTransformer

from dazoo.contracts import Backbone
from dazoo.errors import OfflineError
from dazoo.errors import SettingsError
from dazoo.errors import WeightsError


# Children of a torchvision classifier from the first of these on belong to its head.
_HEAD = ("avgpool", "flatten", "dropout", "classifier", "fc", "head", "heads")

# Shorter sides below this, in pixels, leave an empty map somewhere inside; such pictures are enlarged. Others manage 16.
_SMALLEST = {"AlexNet": 64, "DenseNet": 32, "Inception3": 80, "SqueezeNet": 24, "VGG": 32, "ConvNeXt": 32}


class TorchvisionBackbone(Backbone):
    """A torchvision classifier without its own head.

    Pictures of any size are taken. Most networks run at the size that comes; a picture whose shorter side is below what
    the network's strides need (AlexNet 64, Inception 80, DenseNet, VGG and ConvNeXt 32, SqueezeNet 24) is enlarged to it,
    bilinearly and with its proportions. `vit_*` rounds each side to a whole number of patches and interpolates its position
    embedding; `maxvit_t` is built for 224x224, so every picture is resized to that. With pretrained weights meant for
    224 pixels, small pictures profit from `size=224`.

    Layers between the last convolution and the class scores are kept where they are a norm (ConvNeXt: applied to the pooled
    feature, as there) and dropped where they are fully connected (AlexNet, VGG, MobileNetV3). A vision transformer's feature
    is the mean of its patches. Grey pictures are repeated to three channels.

    Args:
        num_classes: number of classes K.
        in_channels: 1 or 3.
        arch: torchvision's name, such as "resnet18".
        pretrained: False for a random start; True for torchvision's default weights; or their name, such as
            "IMAGENET1K_V1". They come from torchvision's own source into its own cache; images are then brought to the mean
            and deviation that they expect.
        size: resize every picture to this side, in pixels, first; None to take pictures as they are.

    Shape:
        images (N, C_in, H, W), H and W at least 16, float in [-1, 1]; map (N, num_features, h, w); logits (N, K).

    Raises:
        SettingsError: an unknown architecture or weights; a number of channels other than 1 and 3.
        OfflineError: the weights are not in the cache and cannot be downloaded.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, *, num_classes: int, in_channels: int = 3, arch: str, pretrained: bool | str = False, size: int | None = None
    ) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels)
        if in_channels not in (1, 3):
            raise SettingsError(f"in_channels is {in_channels}; torchvision's networks take 1 (repeated to 3) or 3.")
        if size is not None and size < 16:
            raise SettingsError(f"size is {size}; expected at least 16 pixels, or None.")
        net, mean, std = _build(arch, pretrained)
        self.arch, self.size = arch, size
        self.smallest = _SMALLEST.get(type(net).__name__, 16)
        self.fixed = 224 if isinstance(net, MaxVit) else None
        # Saved with the weights, so that a trained network is rebuilt without asking for the pretrained weights again.
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))
        self.norm = _norm(net)
        self.body: nn.Module = _Patches(net) if isinstance(net, VisionTransformer) else _body(net)
        self.num_features = _width(self.body, max(64, self.smallest, self.fixed or 0))
        self.head = nn.Linear(self.num_features, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.body((self._fit(x).expand(-1, 3, -1, -1) - self.mean) / self.std)  # (N, C, h, w)

    def pool(self, f: Tensor) -> Tensor:
        return self.norm(f.mean(dim=(2, 3), keepdim=True)).flatten(1)

    def dense(self, x: Tensor) -> Tensor:
        f = self.norm(self.forward_features(x))
        return self.head(f.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def _fit(self, x: Tensor) -> Tensor:
        """Resize where the setting or the network asks for it."""
        side = self.fixed or self.size
        h, w = x.shape[2:]
        grow = max(1.0, self.smallest / min(h, w))
        target = (side, side) if side else (math.ceil(h * grow), math.ceil(w * grow))
        return x if target == (h, w) else F.interpolate(x, size=target, mode="bilinear", align_corners=False)


class _Patches(nn.Module):
    """A vision transformer's patches as a map (N, C, h, w), at any picture size.

    The position embedding is interpolated bicubically to the number of patches, as `interpolate_embeddings` of torchvision does.
    """

    def __init__(self, net: VisionTransformer) -> None:
        super().__init__()
        self.patch = net.patch_size
        self.grid = net.image_size // net.patch_size
        self.conv_proj, self.class_token, self.encoder = net.conv_proj, net.class_token, net.encoder

    def forward(self, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        h, w = math.ceil(height / self.patch), math.ceil(width / self.patch)
        if (h * self.patch, w * self.patch) != (height, width):
            x = F.interpolate(x, size=(h * self.patch, w * self.patch), mode="bilinear", align_corners=False)
        tokens = self.conv_proj(x).flatten(2).transpose(1, 2)  # (N, h w, C)
        tokens = torch.cat([self.class_token.expand(n, -1, -1), tokens], 1) + self._positions(h, w)
        tokens = self.encoder.ln(self.encoder.layers(self.encoder.dropout(tokens)))
        return tokens[:, 1:].transpose(1, 2).unflatten(2, (h, w))  # (N, C, h, w)

    def _positions(self, h: int, w: int) -> Tensor:
        """(1, 1 + h w, C)"""
        known = self.encoder.pos_embedding
        if (h, w) == (self.grid, self.grid):
            return known
        first, rest = known[:, :1], known[:, 1:]
        rest = rest.transpose(1, 2).unflatten(2, (self.grid, self.grid))  # (1, C, g, g)
        rest = F.interpolate(rest, size=(h, w), mode="bicubic", align_corners=True)
        return torch.cat([first, rest.flatten(2).transpose(1, 2)], 1)


def _build(arch: str, pretrained: bool | str) -> tuple[nn.Module, Sequence[float], Sequence[float]]:
    """The torchvision network, and the mean and deviation that bring [-1, 1] to what it expects."""
    if arch not in models.list_models(module=models):
        raise SettingsError(f"Torchvision has no classifier {arch!r}; `dazoo list backbones 'tv_*'` shows those that it has.")
    chosen = _weights(arch, pretrained)
    extra = {}
    if arch in ("googlenet", "inception_v3"):
        extra = {"aux_logits": chosen is not None}  # the weights' files hold them; `_body` drops them
        if chosen is None:
            extra["init_weights"] = True
    try:
        net = models.get_model(arch, weights=chosen, **extra)
    except (URLError, ConnectionError, TimeoutError) as exc:
        raise OfflineError(
            f"The weights {chosen} of torchvision's {arch} are not in {torch.hub.get_dir()}/checkpoints and cannot be downloaded from "
            f"{chosen.url} ({getattr(exc, 'reason', exc)}). Fetch that file to that folder beforehand, set TORCH_HOME to a folder whose "
            "hub/checkpoints holds it, or use pretrained=False for a random start."
        ) from exc
    except RuntimeError as exc:
        if "hash value" not in str(exc):
            raise
        raise WeightsError(f"The weights {chosen} of torchvision's {arch} arrived damaged: {exc}. Try again.") from exc
    if chosen is None or getattr(net, "transform_input", False):
        return net, (0.0,) * 3, (1.0,) * 3  # networks with `transform_input` were trained on [-1, 1]
    preset = chosen.transforms()
    return net, [2 * m - 1 for m in preset.mean], [2 * s for s in preset.std]


def _weights(arch: str, pretrained: bool | str) -> models.WeightsEnum | None:
    if not pretrained:
        return None
    known = models.get_model_weights(arch)
    name = "DEFAULT" if pretrained is True else pretrained.rpartition(".")[2]
    if name not in known.__members__:
        has = ", ".join(known.__members__)
        raise SettingsError(f"Torchvision's {arch} has no weights {pretrained!r}; it has {has}, and False is a random start.")
    return known[name]


def _body(net: nn.Module) -> nn.Sequential:
    """Children up to the head, in order; lists of blocks are run one after the other."""
    layers: list[nn.Module] = []
    for name, child in net.named_children():
        if name in _HEAD:
            break
        if name.lower().startswith("aux"):
            continue
        layers += child if isinstance(child, nn.ModuleList) else [child]
    if isinstance(net, DenseNet):
        layers.append(nn.ReLU())  # torchvision applies it in `forward`
    return nn.Sequential(*layers)


def _norm(net: nn.Module) -> nn.Module:
    """The norm between pooling and class scores, where there is one without a layer in between (ConvNeXt)."""
    classifier = getattr(net, "classifier", None)
    first = classifier[0] if isinstance(classifier, nn.Sequential) else None
    return first if isinstance(first, nn.LayerNorm) and first.weight.ndim == 1 and type(first) is not nn.LayerNorm else nn.Identity()


@torch.no_grad()
def _width(body: nn.Module, side: int) -> int:
    """Channels of the map, found by running one picture."""
    body.eval()
    channels = body(torch.zeros(1, 3, side, side)).shape[1]
    body.train()
    return channels
