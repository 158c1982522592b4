"""Batches as a pure function of (seed, step): a resumed run needs no state of a loader, and there is no loader to wait for."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dazoo.contracts.images import ImageSet
from dazoo.contracts.rows import on_disk


class Batches:
    """Draws batches of an image set, held as one uint8 tensor on the device; one that is larger than memory is read row by row.

    Args:
        images: the set; its labels are used when it has them.
        batch: pictures in a batch.
        seed: of the order.
        balance: draw classes equally often (needs labels).
        device: where the pictures live and the batches appear.
        rows: the part of each batch that is given out.
    """

    def __init__(self, images: ImageSet, *, batch: int, seed: int, balance: bool, device: torch.device, rows: slice = slice(None)) -> None:
        self.count, self.batch, self.seed, self.rows = len(images), batch, seed, rows
        self.device = device
        self.pixels = images.images if on_disk(images.images) else as_tensor(images.images).to(device)  # (N, H, W, C) uint8
        self.labels = None if images.labels is None else torch.from_numpy(np.ascontiguousarray(images.labels)).to(device)
        self.members = None
        if balance and images.labels is not None:
            members = [np.flatnonzero(images.labels == k) for k in range(len(images.classes))]
            self.members = [m for m in members if len(m)]
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0))

    def indices(self, step: int) -> np.ndarray:
        """Which pictures make batch number `step`, (batch,)."""
        if self.members is not None:
            rng = np.random.default_rng((self.seed, 1, step))
            classes = np.concatenate([rng.permutation(len(self.members)) for _ in range(-(-self.batch // len(self.members)))])
            return np.array(
                [self.members[k][int(u * len(self.members[k]))] for k, u in zip(classes[: self.batch], rng.random(self.batch), strict=True)]
            )
        first = step * self.batch
        return np.array([self._at(first + i) for i in range(self.batch)])

    def _at(self, position: int) -> int:
        """Position in the endless sequence of shuffled passes."""
        number, offset = divmod(position, self.count)
        if self._order[0] != number:
            self._order = (number, np.random.default_rng((self.seed, 0, number)).permutation(self.count))
        return int(self._order[1][offset])

    def __call__(self, step: int) -> tuple[Tensor, Tensor | None]:
        """Batch number `step`: images (n, C, H, W) float in [-1, 1], channels last, and labels (n,) or None; n is `batch` or `rows`."""
        chosen = self.indices(step)[self.rows]
        rows = torch.from_numpy(chosen).to(self.device)
        pixels = self.pixels[rows] if isinstance(self.pixels, Tensor) else torch.from_numpy(np.asarray(self.pixels[chosen])).to(self.device)
        return normalise(pixels), None if self.labels is None else self.labels[rows]


def as_tensor(images: np.ndarray) -> Tensor:
    """A uint8 array (or memory map) as a tensor; a read-only map is copied, since torch has no read-only tensors."""
    return torch.from_numpy(images if images.flags.writeable else np.array(images))


def normalise(pixels: Tensor) -> Tensor:
    """uint8 (N, H, W, C) to float (N, C, H, W) in [-1, 1]; the result is channels-last in memory without a copy."""
    return pixels.permute(0, 3, 1, 2).float().mul_(1 / 127.5).sub_(1)
