"""The GAN contract, and the bridge contract that lets any GAN help any classifier."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from typing import ClassVar

from torch import Tensor
from torch import nn

from dazoo.contracts.component import Component
from dazoo.contracts.step import Phase


@dataclass(frozen=True)
class CriticOutput:
    """A critic's answer: `logits` of any shape with N first (one a picture, or a map of patches), `features` (N, F) pooled."""

    logits: Tensor
    features: Tensor


class GAN:
    """A generative adversarial network: generators and critics, with their losses.

    `takes` says what the generator is fed, and thereby which bridge fits: {"noise"} a code vector, {"label"} a class,
    {"image"} a picture of the other domain. Images are in [-1, 1]; critics return logits, never probabilities.

    Args:
        channels: image channels.
        size: side of the square images, pixels.
        num_classes: K.
        code_size: length D of the code vector (bridges add features and labels to the noise); 0 for image-to-image.
    """

    takes: ClassVar[frozenset[str]]
    num_critic_features: int

    def __init__(self, *, channels: int, size: int, num_classes: int, code_size: int = 0) -> None:
        self.channels, self.size, self.num_classes, self.code_size = channels, size, num_classes, code_size

    def parts(self) -> Mapping[str, nn.Module]:
        """Modules by name; names begin with "generator" or "critic"."""
        raise NotImplementedError(f"{type(self).__name__} must implement parts().")

    def optimizers(self) -> Mapping[str, Mapping[str, Any]]:
        """Optimiser settings for its parts."""
        return {}

    def generate(self, code: Tensor) -> Tensor:
        """Code (N, D), or picture (N, C, H, W) of the source domain, to picture (N, C, H, W)."""
        raise NotImplementedError(f"{type(self).__name__} must implement generate(code).")

    def judge(self, images: Tensor) -> CriticOutput:
        """Pictures (N, C, H, W) to the critic's logits and features."""
        raise NotImplementedError(f"{type(self).__name__} must implement judge(images).")

    def critic_terms(self, real: CriticOutput, fake: CriticOutput) -> Mapping[str, Tensor]:
        """Loss terms of the critic."""
        raise NotImplementedError(f"{type(self).__name__} must implement critic_terms(real, fake).")

    def generator_terms(self, fake: CriticOutput) -> Mapping[str, Tensor]:
        """Loss terms of the generator."""
        raise NotImplementedError(f"{type(self).__name__} must implement generator_terms(fake).")

    def phases(self) -> Sequence[Phase]:
        """Phases beyond those the bridge makes: an image-to-image GAN's whole game, a noise GAN's lazy regularisers."""
        return ()


class Bridge(Component):
    """How a GAN helps a classifier: it owns the phases in which GAN and backbone meet.

    Args:
        problem: the task.
        gan: builds the GAN once the bridge knows the code's length: `gan(code_size=D)`.
    """

    def sample(self, n: int, *, labels: Tensor | None = None, images: Tensor | None = None) -> Tensor:
        """`n` generated pictures (n, C, H, W) in [-1, 1]; `labels` (n,) or `images` to start from where the GAN takes them."""
        raise NotImplementedError(f"{type(self).__name__} must implement sample(n).")
