"""Picture files decoded piece by piece, so that a set never has to fit into memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from dazoo.contracts.rows import PIECE
from dazoo.data.pictures import Box
from dazoo.data.pictures import read_picture
from dazoo.errors import PictureError


Progress = Callable[[int, int], None]
"""Called with (pictures done, pictures in all)."""


class Decoding:
    """Pictures (N, size, size, C) uint8 that are decoded when they are gone through; `np.asarray` decodes all of them into memory.

    Args:
        count: N.
        read: picture number i as (size, size, channels) uint8; it raises PictureError for one that cannot be read.
        size: side of the square, pixels. channels: 3 or 1.
        threads: how many pictures are read at once (Pillow decodes without the interpreter's lock).
        progress: called after every picture.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(
        self, count: int, read: Callable[[int], np.ndarray], *, size: int, channels: int, threads: int = 1, progress: Progress | None = None
    ) -> None:
        self.shape = (count, int(size), int(size), channels)
        self.read, self.threads, self.progress = read, threads, progress

    def __len__(self) -> int:
        return self.shape[0]

    def pieces(self) -> Iterator[np.ndarray]:
        """All pictures in order, at most `PIECE` at a time.

        Raises:
            PictureError: one or more cannot be read; up to five are named. It comes after the last piece, so that all are counted.
        """
        broken: list[PictureError] = []
        done = 0

        def one(i: int) -> np.ndarray | None:
            try:
                return self.read(i)
            except PictureError as error:
                broken.append(error)
                return None

        with ThreadPoolExecutor(self.threads) as pool:
            for first in range(0, len(self), PIECE):
                piece = np.empty((min(PIECE, len(self) - first), *self.shape[1:]), np.uint8)
                for row, picture in enumerate(pool.map(one, range(first, first + len(piece)))):
                    if picture is not None:
                        piece[row] = picture
                    done += 1
                    if self.progress:
                        self.progress(done, len(self))
                yield piece
        if broken:
            more = f"\n  and {len(broken) - 5} more" if len(broken) > 5 else ""
            listed = "".join(f"\n  {error}" for error in sorted(broken, key=str)[:5])
            raise PictureError(f"{len(broken)} of {len(self)} pictures cannot be read:{listed}{more}")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        out, done = np.empty(self.shape, np.uint8), 0
        for piece in self.pieces():
            out[done : done + len(piece)] = piece
            done += len(piece)
        return out if dtype is None else out.astype(dtype)


def decoding(
    paths: Sequence[Path], boxes: Sequence[Box | None] | None, *, size: int, channels: int, progress: Progress | None = None
) -> Decoding:
    """Picture files, or the boxes of them, as squares of `size` pixels per side."""

    def read(i: int) -> np.ndarray:
        return read_picture(paths[i], size=size, channels=channels, box=boxes[i] if boxes else None)

    return Decoding(len(paths), read, size=size, channels=channels, threads=min(8, os.cpu_count() or 1), progress=progress)
