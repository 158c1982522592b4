"""The views of photographs that pretrained networks are fine-tuned with, from torchvision.transforms.v2."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torchvision.transforms import v2

from dazoo.contracts import Augmentation


GREY = 128
"""What is shown where a picture was moved away or erased, of 255: the middle of the range."""


class Photos(Augmentation):
    """Photographs: a part of the picture, perhaps mirrored; strongly, also two of RandAugment's changes and an erased rectangle.

    The weak view is `RandomResizedCrop` and a flip, as ImageNet networks are trained and Transfer-Learning-Library fine-tunes them
    (github.com/thuml/Transfer-Learning-Library, examples/domain_adaptation/image_classification/utils.py). The strong view adds what
    FixMatch adds (Sohn et al., NeurIPS 2020): RandAugment with two changes of magnitude 10 (Cubuk et al. 2020), and Cutout, here
    `RandomErasing`.
    torchvision draws once for whatever it is given, so pictures go through one at a time, on the device that holds them.
    """

    def weak(self, images: Tensor) -> Tensor:
        return _each(images, _part(images.shape[2], images.shape[3]))

    def strong(self, images: Tensor) -> Tensor:
        return _each(images, _changed(images.shape[2], images.shape[3]))


@cache
def _part(height: int, width: int) -> Callable[[Tensor], Tensor]:
    part = v2.RandomResizedCrop((height, width), scale=SCALE, antialias=True)
    return v2.Compose([part, v2.RandomHorizontalFlip()])


@cache
def _changed(height: int, width: int) -> Callable[[Tensor], Tensor]:
    """RandAugment works in bytes: what its changes mean is defined there."""
    changes = v2.RandAugment(num_ops=2, magnitude=10, fill=GREY)
    erased = v2.RandomErasing(p=0.5, scale=(0.02, 0.25), value=0.0)
    return v2.Compose([_part(height, width), _to_bytes, changes, _to_floats, erased])


def _to_bytes(picture: Tensor) -> Tensor:
    return picture.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def _to_floats(picture: Tensor) -> Tensor:
    return picture.float() / 127.5 - 1


def _each(images: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Every picture (C, H, W) changed by itself; the batch keeps its memory layout."""
    changed = torch.stack([change(picture) for picture in images]).clamp(-1, 1)
    return changed.contiguous(memory_format=torch.channels_last)


SCALE = (0.5, 1.0)
"""Share of a picture's area that the weak view shows."""
