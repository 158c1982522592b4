"""An image set: pictures as uint8 in memory (or memory-mapped), with labels or without."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from dataclasses import replace
from typing import Any
from typing import cast

import numpy as np

from dazoo.contracts.rows import Rows
from dazoo.contracts.rows import on_disk
from dazoo.contracts.rows import pieces
from dazoo.errors import DataError


@dataclass(frozen=True)
class ImageSet:
    """Square pictures of one size.

    Attributes:
        name: what messages call it.
        images: (N, H, W, C) uint8, C 1 or 3; an array, a memory map or `Rows` of one. `images[i:j]` and `images[array]` work on all.
        labels: (N,) int64 indices into `classes`, or None where there are none.
        classes: class names, in index order.

    Raises:
        DataError: images of another type or shape, labels that do not fit.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray | None
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        shape, kind = self.images.shape, self.images.dtype
        if kind != np.uint8 or len(shape) != 4 or shape[3] not in (1, 3):
            raise DataError(f"{self.name}: images are {kind} {shape}; expected uint8 (N, H, W, C) with C 1 or 3 and values 0-255.")
        if shape[0] == 0:
            raise DataError(f"{self.name} holds no image; check the folder or the class mapping.")
        if self.labels is None:
            return
        if self.labels.shape != (shape[0],):
            raise DataError(f"{self.name}: {shape[0]} images but labels of shape {self.labels.shape}; expected one label an image.")
        if self.labels.min() < 0 or self.labels.max() >= len(self.classes):
            raise DataError(
                f"{self.name}: labels run from {self.labels.min()} to {self.labels.max()}, but there are {len(self.classes)} classes."
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def channels(self) -> int:
        return int(self.images.shape[3])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.images.shape[1], self.images.shape[2]

    @property
    def counts(self) -> tuple[int, ...]:
        """Images of each class."""
        if self.labels is None:
            raise DataError(f"{self.name} has no labels, so its classes cannot be counted.")
        return tuple(int(n) for n in np.bincount(self.labels, minlength=len(self.classes)))

    def unlabelled(self) -> ImageSet:
        """The same pictures without labels."""
        return replace(self, labels=None)

    def select(self, indices: np.ndarray) -> ImageSet:
        """The pictures at `indices`, with their labels."""
        labels = None if self.labels is None else self.labels[indices]
        images = Rows(self.images, np.asarray(indices)) if on_disk(self.images) else self.images[indices]
        return replace(self, images=cast("np.ndarray", images), labels=labels)

    def digest(self) -> str:
        """sha256 over shapes, classes, labels and pixels: the identity of the data, never of its path."""
        h = self.begin_digest()
        for piece in pieces(self.images):
            h.update(np.ascontiguousarray(piece).data)
        return self.end_digest(h)

    def begin_digest(self) -> Any:
        """A sha256 of what comes before the pixels, for who has them piece by piece."""
        return hashlib.sha256(repr((tuple(self.images.shape), self.classes)).encode())

    def end_digest(self, h: Any) -> str:
        """The digest, after the pixels."""
        h.update(b"" if self.labels is None else self.labels.astype("<i8").tobytes())
        return str(h.hexdigest())
