"""Decoded copies of data sets, so that the second run opens a memory map instead of decoding for seconds."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
import warnings
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

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
_verified: dict[Path, str] = {}
"""State of the packs whose digest was compared."""


_SETTLED = 2.0
"""Seconds after which a change of a file shows in its times, whatever the resolution of the file system's clock."""


_WHOLE, _PIECES, _PIECE = 2**30, 64, 2**20
"""Bytes up to which the content of a file that was just changed counts whole (some seconds); pieces of a larger one, which nobody can
write in a tick of the clock."""


def files_key(paths: Iterable[Path], *facts: object) -> str:
    """A short key for the state of files and of other facts that the result depends on.

    A file's state is its path, length, number on its file system (inode) and the times of its last change: of the content, which
    anybody can set, and of the file itself (ctime), which nobody can. Files that change places change their numbers. A file that was
    changed a moment ago could change again within the same tick of the clock, so its content counts too.

    Raises:
        DataError: a file that is not there, may not be read, or is no ordinary file.
        ValueError: a path that is none.
    """
    h = hashlib.sha256(repr(facts).encode())
    now, here = time.time(), os.getcwdb()
    for path in paths:
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):  # a pipe or a device might never end
                raise DataError(f"{path} is no ordinary file; expected one that can be read from its beginning to its end.")
            state = f"\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_ctime_ns}\0{found.st_ino}"
            h.update(os.path.join(here, os.fsencode(path)) + state.encode())
            if found.st_ctime > now - _SETTLED:
                _add_content(h, path, found.st_size)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    return h.hexdigest()[:20]


def _add_content(h: Any, path: Path, size: int) -> None:
    """Add what is in a file, in pieces, because it may be larger than memory; of one beyond `_WHOLE` pieces that are spread over it."""
    with path.open("rb") as file:
        if size <= _WHOLE:
            h.update(hashlib.file_digest(file, "sha256").digest())
            return
        for i in range(_PIECES + 1):
            file.seek((size - _PIECE) * i // _PIECES)
            h.update(file.read(_PIECE))


def cached(name: str, key: str, make: Callable[[], ImageSet], *, size: int | None = None, terms: str = "unknown") -> ImageSet:
    """`make()`, kept as a pack in the cache folder under its key; resized to `size` pixels a side, which is kept too.

    The cache is a convenience: a copy that is damaged, be it by a bit, is made again (every copy is compared with its digest when it is
    first opened, at about 1 GB a second), and a folder that cannot be written costs the speed, with a warning, never the result.

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
            return _checked(folder)
        except (DataError, OSError):
            shutil.rmtree(folder, ignore_errors=True)
    images = make()
    try:
        write_pack(folder, images, terms=terms)
        return _checked(folder)
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


def _checked(folder: Path) -> ImageSet:
    """A pack whose content is what was written. Within a process, one that did not change since is not read through again.

    Raises:
        DataError: it is damaged. OSError: it cannot be looked at.
    """
    files = [(f.name, (s := f.stat()).st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for f in sorted(folder.iterdir())]
    state = repr(files)
    found = read_pack(folder, verify=_verified.get(folder) != state)
    _verified[folder] = state
    return found


def _resized(images: ImageSet, size: int) -> ImageSet:
    return ImageSet(images.name, resized(images.images, size), images.labels, images.classes)
