"""Pictures that stay on the disk: sets that are larger than memory are read where and when they are needed."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np


RESIDENT = 2**30
"""Bytes (1 GiB) up to which a memory-mapped set is read into memory, where batches are drawn fastest. The batches are the same."""

PIECE = 256
"""Pictures that are read at once where a set is gone through from one end to the other."""


class Rows:
    """Some rows of a memory-mapped array (N, H, W, C), in an order of their own.

    A slice gives rows again, and reads nothing; whole numbers or an array of them read those rows.
    """

    def __init__(self, whole: np.ndarray, index: np.ndarray) -> None:
        self.whole, self.index = whole, index

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.index), *self.whole.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.whole.dtype

    @property
    def ndim(self) -> int:
        return self.whole.ndim

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, key: Any) -> Any:
        return Rows(self.whole, self.index[key]) if isinstance(key, slice) else self.whole[self.index[key]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        found: np.ndarray = self.whole[self.index]
        return found if dtype is None else found.astype(dtype)


def on_disk(images: Any) -> bool:
    """Whether pictures stay where they are: a memory map, or rows of one, of more than `RESIDENT` bytes."""
    return isinstance(images, np.memmap | Rows) and images.nbytes > RESIDENT


def pieces(images: Any) -> Iterator[np.ndarray]:
    """Pictures (N, H, W, C) in runs of at most `PIECE`, in order, each as an array in memory or a view of one."""
    for first in range(0, len(images), PIECE):
        yield np.asarray(images[first : first + PIECE])
        _let_go(images)


def _let_go(images: Any) -> None:
    """Take the pages of a large map out of this process's memory; the system has them still, until it needs the room."""
    mapped: Any = getattr(images.whole if isinstance(images, Rows) else images, "_mmap", None)
    if on_disk(images) and hasattr(mapped, "madvise") and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
