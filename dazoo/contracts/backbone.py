"""The backbone contract: a network from image to feature map and class scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import ClassVar

from torch import Tensor
from torch import nn

from dazoo.contracts.optimizers import OptimizerSettings


@dataclass(frozen=True)
class Start:
    """How a network starts.

    Attributes:
        text: where its weights come from, in a few words ("timm's weights (timm/resnet18.a1_in1k)", "a random start").
        arguments: constructor arguments that it takes, such as {"pretrained": "/weights/resnet18.safetensors"}.
    """

    text: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


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
    fetches: ClassVar[tuple[str, ...]] = ()
    """Constructor arguments that bring weights from elsewhere, such as ("pretrained",). A saved model has its own weights, so it is rebuilt
    with these set to False. Give them a default, and leave them out of the registration: what a name fixes cannot be switched off."""
    sketchable: ClassVar[bool] = True
    """Whether it can be built on the meta device, where tensors have shapes and no values. A saved model is first built there, so that
    arguments of a stranger's config are refused before memory is spent on them. False only for a network whose constructor must read
    values; its config is then trusted with memory."""

    @classmethod
    def wants(cls, **arguments: Any) -> Mapping[str, Any]:
        """Run settings that suit a backbone built with these constructor arguments, such as {"size": 224} for pretrained weights.

        The arguments are those that the name stands for and those of the user; num_classes and in_channels are not among them.

        They go over the defaults for own pictures; those of the scenario, the bridge, the method and the user go over them.
        """
        return {}

    @classmethod
    def wants_for_own(cls, **arguments: Any) -> Mapping[str, Any]:
        """Run settings for a person's own pictures alone, over those of `wants`: what suits photographs and no scenario said otherwise.

        A scenario knows its pictures, digits that must not be mirrored for one; here nobody does, so weights of photographs ask for what
        photographs take, such as {"augment": "photos", "batch": 32}.
        """
        return {}

    @classmethod
    def identify(cls, **arguments: Any) -> Mapping[str, Any]:
        """Constructor arguments as the identity of a run holds them: JSON values, the same for the same network on every machine.

        They are given as the user set them. A class that takes a file answers with the file's digest in place of its path:
        {"pretrained": {"sha256": "..."}}.
        """
        return arguments

    @classmethod
    def at_hand(cls, seconds: float = 0.0, **arguments: Any) -> Start | None:
        """How the network would start for a person who named no backbone; None where that could not be had now.

        It is asked of backbones that were registered with a rank (`register(..., start=20)`). A class that fetches weights says here
        whether it has them, and may fetch them.

        Args:
            seconds: how long it may wait for a server to answer, without a second try; with 0 it only looks at what is here.
            arguments: as for `wants`.
        """
        return Start("a random start")

    @classmethod
    def origin(cls, **arguments: Any) -> str | None:
        """The repository on the Hub whose weights a network with these arguments starts from ("timm/resnet18.a1_in1k"), for the cards of
        models (`base_model`); None for a random start, a file, or weights that are not there. `arguments`: as for `wants`."""
        return None

    def optimizers(self) -> Mapping[str, OptimizerSettings]:
        """Optimiser settings of the groups "backbone.body" and "backbone.head" over the run's own.

        Pretrained bodies learn at a tenth of the head's rate: {"backbone.body": {"lr_factor": 0.1}}.
        """
        return {}

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

    def positions(self, f: Tensor) -> Tensor:
        """Feature map (N, C, h, w) to what `pool` makes of each position alone, (N, h, w, C); overridden where `pool` does more."""
        return f.permute(0, 2, 3, 1)

    def class_map(self, f: Tensor) -> Tensor:
        """Feature map (N, C, h, w) to class map (N, K, h, w): the head at every position, as a 1x1 convolution does (FCN, NIN)."""
        scores: Tensor = self.head(self.positions(f))  # (N, h, w, K)
        return scores.permute(0, 3, 1, 2)

    def dense(self, x: Tensor) -> Tensor:
        """Images (N, C_in, H, W) to the class map (N, K, h, w)."""
        return self.class_map(self.forward_features(x))

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C_in, H, W) to logits (N, K)."""
        logits: Tensor = self.head(self.pool(self.forward_features(x)))
        return logits

    def body_parameters(self) -> list[nn.Parameter]:
        """Every parameter that is not the head's."""
        head = {id(p) for p in self.head.parameters()}
        return [p for p in self.parameters() if id(p) not in head]
