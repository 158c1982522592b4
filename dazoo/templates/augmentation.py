"""An augmentation: what your pictures may change like without becoming another class."""

from __future__ import annotations

import torch
from torch import Tensor

from dazoo.augmentations import Augment
from dazoo.contracts import Augmentation


class MyThing(Augmentation):
    """A tilt and another light; in the strong view another exposure for each picture. `--set augment=my_thing`."""

    weak = Augment(rotate=5, brightness=0.1)  # the view that every batch gets

    def strong(self, images: Tensor) -> Tensor:  # the one that methods ask for
        exposure = 0.5 + torch.rand(len(images), 1, 1, 1, device=images.device)
        return (exposure * (self.weak(images) + 1) - 1).clamp(-1, 1)
