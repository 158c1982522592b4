"""A backbone: from pictures to a feature map. Replace the layers by yours."""

from __future__ import annotations

from torch import Tensor
from torch import nn

from dazoo.contracts import Backbone


class MyThing(Backbone):
    """Two convolutions of stride 2. Map (N, width, H / 4, W / 4).

    Args:
        width: channels of the map; `--set backbone.width=64`.
    """

    min_size = 8  # the smallest height and width that the layers take

    def __init__(self, *, num_classes: int, in_channels: int = 3, width: int = 32) -> None:
        super().__init__(num_classes=num_classes, in_channels=in_channels)
        self.num_features = width  # channels of what forward_features gives
        self.first = nn.Conv2d(in_channels, width, 4, stride=2, padding=1)
        self.second = nn.Conv2d(width, width, 4, stride=2, padding=1)
        self.head = nn.Linear(width, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu()).relu()
