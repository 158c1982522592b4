"""The two digit networks of the domain adaptation literature, with their first fully connected layer as a convolution.

LeNet (LeCun et al., 1998) and DTN (Taigman, Polyak and Wolf, "Unsupervised cross-domain image generation", ICLR 2017), in
the widths and drop-out rates of Long et al., "Conditional adversarial domain adaptation" (CDAN), NeurIPS 2018, and of the
Transfer-Learning-Library's digit tables, with the bottleneck (fully connected, batch norm, ReLU) that these tables put before the head.
Both flatten a 4x4 map into a fully connected layer; here that layer is a 4x4 convolution without padding, and the bottleneck a 1x1
convolution. They have the same weights and the same result at the original size, and slide over a larger picture (Long, Shelhamer and
Darrell, CVPR 2015).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch import nn
from torch.nn import functional as F

from dazoo.contracts import Backbone


WINDOW = 4  # side of the map that the fully connected layer was made for


class _Digits(Backbone):
    """What the two have in common: convolutions, a 4x4 convolution in place of the flattening layer, drop-out, bottleneck, head.

    Args:
        width: channels behind the 4x4 convolution.
        bottleneck: width of the layer between it and the head, or 0 for none.
        dropout: rate of the drop-out before the bottleneck or, without one, before the head.
    """

    convolutions: nn.Sequential
    fc: nn.Sequential

    def __init__(self, *, num_classes: int, in_channels: int, width: int, bottleneck: int, dropout: float) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels)
        self.drop = nn.Dropout(dropout)
        self.bottleneck = _bottleneck(width, bottleneck) if bottleneck else nn.Identity()
        self.num_features = bottleneck or width
        self.head = nn.Linear(self.num_features, num_classes)

    @classmethod
    def wants(cls, **arguments: Any) -> Mapping[str, Any]:
        """SGD with Nesterov momentum, as in the tables that the networks come from."""
        return {"optimizer": "sgd", "lr": 0.1, "weight_decay": 1e-3}

    def forward_features(self, x: Tensor) -> Tensor:
        f = self.convolutions(x)
        h, w = f.shape[2:]
        dy, dx = max(WINDOW - h, 0), max(WINDOW - w, 0)
        if dy or dx:  # a picture smaller than the network was made for: zeros around its map, so that one window fits
            f = F.pad(f, (dx // 2, dx - dx // 2, dy // 2, dy - dy // 2))
        return self.bottleneck(self.drop(self.fc(f)))


class LeNet(_Digits):
    """conv 20-5, max-pool, ReLU; conv 50-5, drop-out, max-pool, ReLU; fc 800-500, ReLU, drop-out; bottleneck; head.

    No layer pads, so on a larger picture the class map holds exactly what the network says of each 28x28 window at a
    stride of 4 pixels.

    Args:
        num_classes: number of classes K.
        in_channels: 1 or 3.
        dropout: rate of both drop-outs (the first drops whole channels), in [0, 1).
        bottleneck: width of the layer before the head (fully connected, batch norm, ReLU), or 0 for none: then the map has 500 channels and
            the network no batch norm.

    Shape:
        images (N, C_in, H, W), H and W at least 16, float in [-1, 1]; map (N, bottleneck, h, w) with h = max(1, (H - 28) // 4 + 1)
        and w alike; logits (N, K). In training mode a batch of one 28x28 picture is refused by the batch norm.

    Example:
        >>> LeNet(num_classes=10, in_channels=1).dense(torch.zeros(1, 1, 64, 80)).shape
        torch.Size([1, 10, 10, 14])
    """

    def __init__(self, *, num_classes: int, in_channels: int = 3, dropout: float = 0.5, bottleneck: int = 256) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, width=500, bottleneck=bottleneck, dropout=dropout)
        self.convolutions = nn.Sequential(
            nn.Conv2d(in_channels, 20, 5),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
            nn.Conv2d(20, 50, 5),
            nn.Dropout2d(dropout),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
        )
        self.fc = nn.Sequential(nn.Conv2d(50, 500, WINDOW), nn.ReLU(inplace=True))


class DTN(_Digits):
    """Three 5x5 convolutions of stride 2 with batch norm, drop-out and ReLU (64, 128, 256); fc 4096-512 with batch norm; bottleneck; head.

    The convolutions pad, so on a larger picture the class map (stride 8 pixels) equals that of 32x32 windows only away
    from the windows' borders.

    Args:
        num_classes: number of classes K.
        in_channels: 1 or 3.
        dropout: rate of the drop-out before the bottleneck, in [0, 1); those of the convolutions are .1, .3 and .5.
        bottleneck: width of the layer before the head (fully connected, batch norm, ReLU), or 0 for none: then the map has 512 channels.

    Shape:
        images (N, C_in, H, W), H and W at least 16, float in [-1, 1]; map (N, bottleneck, h, w) with h = max(1, ceil(H / 8) - 3)
        and w alike; logits (N, K). In training mode a batch of one 32x32 picture is refused by the last batch norm.
    """

    def __init__(self, *, num_classes: int, in_channels: int = 3, dropout: float = 0.5, bottleneck: int = 256) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels, width=512, bottleneck=bottleneck, dropout=dropout)
        self.convolutions = nn.Sequential(
            _strided(in_channels, 64, 0.1),
            _strided(64, 128, 0.3),
            _strided(128, 256, 0.5),
        )
        self.fc = nn.Sequential(nn.Conv2d(256, 512, WINDOW), nn.BatchNorm2d(512), nn.ReLU(inplace=True))


def _strided(c_in: int, c_out: int, dropout: float) -> nn.Sequential:
    conv = nn.Conv2d(c_in, c_out, 5, stride=2, padding=2)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.Dropout2d(dropout), nn.ReLU(inplace=True))


def _bottleneck(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(c_in, c_out, 1), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True))
