"""Pictures that are listed one by one, with names of classes or without, before any is decoded."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from dazoo.data.folder import read_files
from dazoo.data.formats import openable


class Listing:
    """Picture files with labels.

    Args:
        name: what messages call it.
        paths: the N files.
        labels: a name for each, None where it has none; or None where no picture has.
        folders: another reading of labels that are numbers: the names of the folders that the files lie in, one for each number.
        order: the classes in their order, where the list says it.
        place: where picture i is listed, for messages ("signs.csv, line 3").
    """

    def __init__(
        self,
        name: str,
        paths: Sequence[Path],
        labels: Sequence[str | None] | None,
        *,
        folders: Sequence[str | None] | None = None,
        order: Sequence[str] | None = None,
        place: Callable[[int], str] | None = None,
    ) -> None:
        self.name, self.paths, self.order = name, paths, order
        self.labels, self.folders = labels, folders
        self.place = place or (lambda i: f"{self.name}, picture {i}")

    def __len__(self) -> int:
        return len(self.paths)

    def known(self) -> list[str | None]:
        """The label of each picture by name, (N,): the folder's where numbers stand for folders."""
        return self.readings()[0]

    def readings(self) -> list[list[str | None]]:
        """The labels by name, in each way that they may be meant."""
        written: list[str | None] = list(self.labels) if self.labels is not None else [None] * len(self)
        return [written] if self.folders is None else [list(self.folders), written]

    def load(self, size: int, channels: int) -> np.ndarray:
        """The pictures, (N, size, size, channels) uint8; a memory map of the decoded copy where there is one.

        Raises:
            PictureError: some cannot be read.
        """
        return read_files(self.name, list(self.paths), None, (), size=size, channels=channels).images

    def short_sides(self, most: int) -> list[int]:
        """Short sides in pixels of at most about `most` pictures, spread evenly; damaged ones are left out."""
        found = []
        for i in range(0, len(self), max(1, len(self) // most)):
            try:
                found.append(self.short_side(i))
            except Exception:  # noqa: BLE001, S112  whoever reads the picture tells what is wrong with it
                continue
        return found

    def short_side(self, i: int) -> int:
        with Image.open(self.paths[i], formats=openable()) as picture:
            return min(picture.size)
