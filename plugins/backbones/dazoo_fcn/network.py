"""A small fully convolutional classifier.

Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation", CVPR 2015: the classifier layers
(fc6, fc7, score) are convolutions, so that any picture size works and the score layer gives a class map.
Lin, Chen and Yan, "Network in network", ICLR 2014: a 1x1 convolution after the spatial ones of each stage, and the mean
over positions in place of a flattening layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch import nn

from dazoo.contracts import Backbone


class FCN(Backbone):
    """A stem [5x5, 1x1, max-pool], two stages [3x3, 1x1, max-pool], then fc6 (3x3), fc7 (1x1) and the score layer (1x1).

    Args:
        num_classes: number of classes K.
        in_channels: 1 or 3.
        width: channels of the stem; the stages have 2 and 4 times as many.
        dropout: drop-out rate on the pooled feature, in [0, 1).

    Shape:
        images (N, C_in, H, W), H and W at least 16, float in [-1, 1]; map (N, 8 width, H / 8, W / 8); logits (N, K).

    Example:
        >>> import torch
        >>> FCN(num_classes=5).dense(torch.zeros(1, 3, 64, 96)).shape
        torch.Size([1, 5, 8, 12])
    """

    @classmethod
    def wants(cls, **arguments: Any) -> Mapping[str, Any]:
        """The rate and the decay under which it learnt most of five scenarios' sources (docs/benchmark.md)."""
        return {"optimizer": "adamw", "lr": 3e-3, "weight_decay": 5e-3}

    def __init__(
        self,
        *,
        num_classes: int,
        in_channels: int = 3,
        width: int = 32,
        dropout: float = 0.2,
    ) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels)
        w = width
        self.stages = nn.Sequential(
            _stage(in_channels, w, 5),
            _stage(w, 2 * w, 3),
            _stage(2 * w, 4 * w, 3),
        )
        self.fc6 = _unit(4 * w, 8 * w, 3)
        self.fc7 = _unit(8 * w, 8 * w, 1)
        self.num_features = 8 * w
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(self.num_features, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.fc7(self.fc6(self.stages(x)))  # (N, 8w, H/8, W/8)

    def pool(self, f: Tensor) -> Tensor:
        return self.drop(f.mean(dim=(2, 3)))


def _unit(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out")
    return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.ReLU(inplace=True))


def _stage(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(_unit(c_in, c_out, kernel), _unit(c_out, c_out, 1), nn.MaxPool2d(2))
