"""The backbone contract: a network from image to feature map and class scores."""

from __future__ import annotations

from torch import Tensor
from torch import nn


class Backbone(nn.Module):
    """From images to a feature map, a pooled feature and class scores, at any height and width.

    A subclass sets `num_features`, builds its layers, assigns `self.head` (a module from `num_features` to
    `num_classes` that acts on the last dimension, usually `nn.Linear`) and implements `forward_features`.
    The head is separate because methods train it apart from the rest (the body).

    Args:
        num_classes: number of classes K, at least 2.
        in_channels: image channels C_in, 1 (grey) or 3 (RGB).

    Shape:
        images (N, C_in, H, W) float in [-1, 1]; feature map (N, num_features, h, w); pooled (N, num_features);
        logits (N, K).
    """

    num_features: int
    head: nn.Module
    min_size: int = 16
    """Smallest height and width in pixels that the network takes."""

    def __init__(self, *, num_classes: int, in_channels: int = 3) -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(f"num_classes is {num_classes}; a classifier needs at least 2.")
        self.num_classes = num_classes
        self.in_channels = in_channels

    def forward_features(self, x: Tensor) -> Tensor:
        """Images (N, C_in, H, W) to the feature map (N, num_features, h, w)."""
        raise NotImplementedError(f"{type(self).__name__} must implement forward_features(x).")

    def pool(self, f: Tensor) -> Tensor:
        """Feature map (N, C, h, w) to one feature (N, C); the mean over positions unless overridden."""
        return f.mean(dim=(2, 3))

    def dense(self, x: Tensor) -> Tensor:
        """Class map (N, K, h, w): the head at every position, which is what a 1x1 convolution does (FCN, NIN)."""
        f = self.forward_features(x)
        return self.head(f.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C_in, H, W) to logits (N, K)."""
        return self.head(self.pool(self.forward_features(x)))

    def body_parameters(self) -> list[nn.Parameter]:
        """Every parameter that is not the head's."""
        head = {id(p) for p in self.head.parameters()}
        return [p for p in self.parameters() if id(p) not in head]
