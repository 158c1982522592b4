"""One set of pictures, as a GAN learns them: a folder with or without classes, a table, a data set, or the name of a registered one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dazoo.contracts.images import ImageSet
from dazoo.data.folder import existing
from dazoo.data.folder import labelled_files
from dazoo.data.folder import read_labelled
from dazoo.data.folder import read_loose
from dazoo.data.pack import is_pack
from dazoo.data.pack import pack_info
from dazoo.data.paths import data_root
from dazoo.data.pixels import with_channels
from dazoo.data.scenario import Zoo
from dazoo.data.sources import labelled_set
from dazoo.data.sources import opened


def read_set(
    given: Any,
    *,
    size: int,
    channels: int,
    zoo: Zoo,
    data: str | os.PathLike[str] | None = None,
    split: str = "train",
    download: bool = False,
) -> ImageSet:
    """Pictures with labels where there are any; a set without has one class, "pictures", and every label 0.

    Args:
        given: the name of a registered data set ("mnist"); a folder, with one folder per class or without classes; a pack; a table; a
            map-style data set.
        size: side of the square pictures, pixels; or a `Cropped` one. channels: 1 or 3, or 0 for those of a registered set, else 3.
        zoo: where data sets are looked up by name.
        data: folder of the registered sets. split: of a registered set, "train" or "test".
        download: let a registered set fetch what is missing.

    Raises:
        DataError: nothing there, or no picture. PictureError: pictures that cannot be read.
    """
    if is_registered(given, zoo):
        found: ImageSet = zoo.datasets.build(given).load(split, data_root(data), size=size, download=download)
        return found if channels in (0, found.channels) else _as(found, lambda images: with_channels(images, channels))
    channels = channels or 3
    listing = opened(given)
    if listing is not None:
        if listing.labels is not None:
            return labelled_set(listing, size, channels)
        return _plain(ImageSet(listing.name, listing.load(size, channels), None, ()))
    folder = existing(given)
    if has_classes(folder):
        return read_labelled(folder, size=size, channels=channels)
    return _plain(read_loose(folder, size=size, channels=channels))


def is_registered(given: Any, zoo: Zoo) -> bool:
    """Whether it is the name of a registered data set; a path of that name that is there goes first."""
    return isinstance(given, str) and given in zoo.datasets.names() and not Path(given).exists()


def has_classes(folder: Path) -> bool:
    """Whether a folder's pictures all lie in subfolders, two or more, each of which has some; or a pack has labels."""
    if is_pack(folder):
        return bool(pack_info(folder).labelled)
    by_folder, loose, _ = labelled_files(folder)
    return not loose and len(by_folder) > 1 and all(by_folder.values())


def _plain(images: ImageSet) -> ImageSet:
    return ImageSet(images.name, images.images, np.zeros(len(images), np.int64), ("pictures",))


def _as(images: ImageSet, change: Callable[[np.ndarray], np.ndarray]) -> ImageSet:
    return ImageSet(images.name, change(images.images), images.labels, images.classes)
