"""Differentiable augmentation of real and generated pictures (DiffAugment, Zhao et al. 2020), and how much of it (ADA, Karras 2020)."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor
from torch import nn

from dazoo.errors import SettingsError


Draw = Callable[..., Tensor]
POLICY = ("color", "translation", "cutout")
IMAGES = 500_000
"""Real pictures that the critic sees while ADA's probability rises from 0 to 1, at most."""


def diff_augment(
    images: Tensor,
    policy: Sequence[str] = POLICY,
    generator: torch.Generator | None = None,
    probability: Tensor | None = None,
) -> Tensor:
    """Augment each picture by a draw of its own; gradients flow through to the pictures.

    With little data a critic learns its real pictures by heart. Augment what it sees of both real and generated pictures, in its
    own update and in the generator's: then it cannot, and the augmentation does not leak into what is generated.

    Args:
        images: (N, C, H, W).
        policy: any of "color" (brightness, saturation, contrast), "translation" (up to an eighth of each side, zeros come in),
            "cutout" (a square of half of each side becomes 0).
        generator: source of randomness on the pictures' device; None takes torch's own.
        probability: scalar, how likely each policy changes each picture; None changes all.

    Raises:
        SettingsError: a policy that does not exist.
    """
    draw = partial(torch.rand, len(images), 1, 1, 1, generator=generator, device=images.device, dtype=torch.float32)
    for name in policy:
        if name not in STEPS:
            raise SettingsError(f"DiffAugment has no policy {name!r}; choose from {', '.join(STEPS)}.")
        changed = STEPS[name](images, draw)
        images = changed if probability is None else torch.where(draw() < probability, changed, images)
    return images


class Adaptive:
    """How likely a critic's pictures are augmented, raised while the critic tells real ones too surely (Karras et al. 2020, section 3).

    The probability is a buffer of a critic, so that a checkpoint of the critic holds it. It is 0 at first.

    Args:
        critic: module that gets the buffer.
        target: share of real pictures on the critic's real side, less the share on the other, that is sought (0.6 in the paper).
        policy: as for `diff_augment`; none takes all.
    """

    def __init__(self, critic: nn.Module, target: float, policy: Sequence[str] = ()) -> None:
        self.critic, self.target, self.policy = critic, target, tuple(policy) or POLICY
        critic.register_buffer("augment_probability", torch.zeros(()))

    @property
    def probability(self) -> Tensor:
        """Scalar in [0, 1]; looked up each time, because moving a module to a device replaces its buffers."""
        found = self.critic.augment_probability
        assert isinstance(found, Tensor)
        return found

    def __call__(self, images: Tensor) -> Tensor:
        """What a critic sees of images (N, C, H, W)."""
        return diff_augment(images, self.policy, probability=self.probability)

    @torch.no_grad()
    def update(self, surplus: Sequence[Tensor]) -> None:
        """Take a step towards the target, once for each loss of the critic.

        Args:
            surplus: logits of real pictures (N, ...), one for each critic, less the logit at which it takes neither side.
        """
        sign = torch.stack([logits.sign().float().mean() for logits in surplus]).mean()
        self.probability.add_((sign - self.target).sign() * (len(surplus[0]) / IMAGES)).clamp_(0, 1)


def _color(x: Tensor, draw: Draw) -> Tensor:
    brightness, saturation, contrast = (draw().to(x.dtype) for _ in range(3))
    x = x + (brightness - 0.5)
    grey = x.mean(1, keepdim=True)
    x = (x - grey) * (2 * saturation) + grey
    mean = x.mean((1, 2, 3), keepdim=True)
    return (x - mean) * (contrast + 0.5) + mean


def _translation(x: Tensor, draw: Draw) -> Tensor:
    n, _, h, w = x.shape
    dy, dx = _whole(draw(), h // 8), _whole(draw(), w // 8)
    rows = _steps(h, x).view(1, 1, h, 1) + dy  # (N, 1, H, 1)
    columns = _steps(w, x).view(1, 1, 1, w) + dx  # (N, 1, 1, W)
    inside = (rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)  # (N, 1, H, W)
    picture = torch.arange(n, device=x.device).view(n, 1, 1)
    moved = x.permute(0, 2, 3, 1)[picture, rows.clamp(0, h - 1).squeeze(1), columns.clamp(0, w - 1).squeeze(1)]  # (N, H, W, C)
    return moved.permute(0, 3, 1, 2) * inside


def _cutout(x: Tensor, draw: Draw) -> Tensor:
    _, _, h, w = x.shape
    top = (draw() * (h + 1 - h // 2 % 2)).long() - h // 4  # (N, 1, 1, 1); the hole may reach over the edge
    left = (draw() * (w + 1 - w // 2 % 2)).long() - w // 4
    rows, columns = _steps(h, x).view(1, 1, h, 1), _steps(w, x).view(1, 1, 1, w)
    hole = (rows >= top) & (rows < top + h // 2) & (columns >= left) & (columns < left + w // 2)
    return x * ~hole


def _whole(draws: Tensor, most: int) -> Tensor:
    """Uniform draws of [0, 1) to whole numbers from -most to most."""
    return (draws * (2 * most + 1)).floor().long() - most


def _steps(size: int, x: Tensor) -> Tensor:
    return torch.arange(size, device=x.device)


STEPS: Mapping[str, Callable[[Tensor, Draw], Tensor]] = MappingProxyType({"color": _color, "translation": _translation, "cutout": _cutout})
