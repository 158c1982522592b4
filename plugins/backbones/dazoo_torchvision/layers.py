"""What of a torchvision classifier becomes the body: children up to the head, a transformer's patches, the norm behind the pooling."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F
from torchvision.models import DenseNet
from torchvision.models import VisionTransformer


# Children of a torchvision classifier from the first of these on belong to its head.
_HEAD = ("avgpool", "flatten", "dropout", "classifier", "fc", "head", "heads")


class Patches(nn.Module):
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


def body_of(net: nn.Module) -> nn.Sequential:
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


def norm_of(net: nn.Module) -> nn.Module:
    """The norm between pooling and class scores, where there is one without a layer in between (ConvNeXt)."""
    classifier = getattr(net, "classifier", None)
    first = classifier[0] if isinstance(classifier, nn.Sequential) else None
    return first if isinstance(first, nn.LayerNorm) and first.weight.ndim == 1 and type(first) is not nn.LayerNorm else nn.Identity()


@torch.no_grad()
def width_of(body: nn.Module, side: int) -> int:
    """Channels of the map, found by running one picture."""
    body.eval()
    channels = body(torch.zeros(1, 3, side, side)).shape[1]
    body.train()
    return channels
