"""Decoded copies of data sets, so that the second run opens a memory map instead of decoding for seconds."""

from __future__ import annotations

import hashlib
import os
import shutil
import warnings
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from dazoo.contracts.images import ImageSet
from dazoo.data.decoding import Decoding
from dazoo.data.pack import read_pack
from dazoo.data.pack import write_pack
from dazoo.data.paths import cache_dir
from dazoo.data.pixels import resized
from dazoo.errors import DataError
from dazoo.errors import PictureError


_warned: set[Path] = set()
"""Folders of packs that a warning has named."""


def files_key(paths: Iterable[Path], *facts: object) -> str:
    """A short key for the state of files (path, length, time of change) and of other facts that the result depends on."""
    h = hashlib.sha256(repr(facts).encode())
    for path in paths:
        stat = path.stat()
        h.update(f"{os.path.abspath(path)}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return h.hexdigest()[:20]


def cached(name: str, key: str, make: Callable[[], ImageSet], *, size: int | None = None, terms: str = "unknown") -> ImageSet:
    """`make()`, kept as a pack in the cache folder under its key; resized to `size` pixels a side, which is kept too.

    The cache is a convenience: a copy that is damaged is made again, and a folder that cannot be written costs the
    speed, with a warning, never the result.

    Args:
        name: readable beginning of the pack's folder name.
        key: what `files_key` gave for the sources.
        make: decodes the set, at once or when its pictures are gone through (`Decoding`).
        size: side of the square pictures wanted; None takes them as they are.
    """
    if size is not None:
        whole = cached(name, key, make, terms=terms)
        if whole.size == (size, size):
            return whole
        smaller = partial(_resized, whole, size)
        return cached(f"{name}-{size!r}", key, smaller, terms=terms)
    folder = cache_dir() / "packs" / f"{name}-{key}"
    if os.path.isdir(folder):  # Path.is_dir() raises where a folder above may not be searched
        try:
            return read_pack(folder)
        except DataError:
            shutil.rmtree(folder, ignore_errors=True)
    images = make()
    try:
        write_pack(folder, images, terms=terms)
        return read_pack(folder)
    except PictureError:
        raise  # it is about the pictures, not about the copy
    except (DataError, OSError) as error:
        # Another process may have been first, which is no reason to complain; and every set that is read meets the same trouble.
        if not os.path.isdir(folder) and folder.parent not in _warned:
            _warned.add(folder.parent)
            hint = "Set DAZOO_CACHE to a folder that can be written."
            warnings.warn(f"The decoded copy of {name} was not kept: {error} {hint}", stacklevel=2)
    return in_memory(images)


def in_memory(images: ImageSet) -> ImageSet:
    """The set with its pictures decoded, where they are decoded only when they are gone through."""
    return replace(images, images=np.asarray(images.images)) if isinstance(images.images, Decoding) else images


def _resized(images: ImageSet, size: int) -> ImageSet:
    return ImageSet(images.name, resized(images.images, size), images.labels, images.classes)
