"""What a kind of picture may change like without becoming another class: the random views that training sees."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def unchanged(images: Tensor) -> Tensor:
    """The images themselves."""
    return images


class Augmentation:
    """Two random views of a batch, by the name that `--set augment=NAME` takes. This one changes nothing.

    A view takes images (N, C, H, W) in [-1, 1], float32, on any device, C 1 or 3, and gives as many of the same kind, each image with a
    draw of its own. It draws from torch's global generators, which the engine seeds anew in every step, and leaves the images that it is
    given alone. A subclass sets views of usual changes (`weak = dazoo.augmentations.Augment(rotate=5)`), or writes methods of its own
    (`def strong(self, images)`).

    Attributes:
        weak: the view that every batch gets.
        strong: the stronger one that a method asks for (`step.target.strong`).
    """

    weak: Callable[[Tensor], Tensor] = staticmethod(unchanged)
    strong: Callable[[Tensor], Tensor] = staticmethod(unchanged)
