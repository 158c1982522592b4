"""Folders of pictures: a folder a class, loose pictures, boxes of annotations."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from dazoo.contracts.images import ImageSet
from dazoo.data.cache import cached
from dazoo.data.cache import files_key
from dazoo.data.cache import in_memory
from dazoo.data.decoding import Progress as Progress
from dazoo.data.decoding import decoding
from dazoo.data.pack import is_pack
from dazoo.data.pack import read_pack
from dazoo.data.pack import write_pack
from dazoo.data.paths import expanded
from dazoo.data.pictures import Box
from dazoo.data.pictures import is_picture_file
from dazoo.data.pixels import resized
from dazoo.data.pixels import with_channels
from dazoo.errors import DataError


_SKIPPED = frozenset({"__MACOSX", "__pycache__"})


def picture_files(folder: Path) -> list[Path]:
    """Every picture file under a folder, at any depth, in natural order ("2" before "10"); other files are passed over."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED)
        found += [Path(place, f) for f in files if is_picture_file(Path(f))]
    return sorted(found, key=lambda p: _natural(str(p.relative_to(folder))))


def class_folders(folder: Path) -> list[Path]:
    """The visible subfolders, in natural order."""
    inner = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".") and p.name not in _SKIPPED]
    return sorted(inner, key=lambda p: _natural(p.name))


def read_labelled(
    folder: str | os.PathLike[str], *, size: int, channels: int = 3, classes: Sequence[str] | None = None, progress: Progress | None = None
) -> ImageSet:
    """A folder a class: the subfolders' names are the classes, every picture under one belongs to it.

    Args:
        folder: the folder of class folders, or a labelled pack.
        size: side of the square that pictures are squashed to, pixels; or a `Cropped` one.
        channels: 3 or 1.
        classes: the classes and their order; None takes the subfolders, in natural order.
        progress: called while pictures are read.

    Returns:
        The labelled set. It is kept decoded in the cache folder until a file changes.

    Raises:
        DataError: no such folder, no class folders, a class without pictures, a folder that is not one of `classes`.
        PictureError: pictures that cannot be read; the message names them.
    """
    folder = _existing(folder)
    if is_pack(folder):
        return _from_pack(folder, size, channels, labelled=True)
    inner = class_folders(folder)
    loose = [p for p in folder.iterdir() if p.is_file() and is_picture_file(p)]
    if not inner:
        found = f"{len(loose)} loose picture(s)" if loose else "no folder"
        raise DataError(f"{folder} should hold one folder a class, but holds {found}. Put each class into a folder with its name.")
    if loose:
        warnings.warn(f"{folder}: {len(loose)} picture(s) outside the class folders are not used, such as {loose[0].name}.", stacklevel=2)
    names = tuple(classes) if classes is not None else tuple(p.name for p in inner)
    strange = [p.name for p in inner if p.name not in names]
    if strange:
        raise DataError(f"{folder} has folders that are no known class: {_some(strange)}. The classes are {_some(names)}.")
    files = {p.name: picture_files(p) for p in inner}
    empty = [name for name, its in files.items() if not its]
    if empty:
        raise DataError(f"{folder}: no picture in the class folder(s) {_some(empty)}. Add pictures, or remove the folders.")
    paths = [p for its in files.values() for p in its]
    labels = np.array([names.index(name) for name, its in files.items() for _ in its], np.int64)
    return read_files(folder.name, paths, labels, names, size=size, channels=channels, progress=progress)


def read_loose(
    folder: str | os.PathLike[str], *, size: int, channels: int = 3, classes: Sequence[str] = (), progress: Progress | None = None
) -> ImageSet:
    """Every picture under a folder, at any depth, without labels; or a pack, whose labels are dropped.

    Raises:
        DataError: no such folder, or no picture in it.
        PictureError: pictures that cannot be read; the message names them.
    """
    folder = _existing(folder)
    if is_pack(folder):
        found = _from_pack(folder, size, channels, labelled=False)
        return ImageSet(found.name, found.images, None, tuple(classes))
    paths = picture_files(folder)
    if not paths:
        raise DataError(f"{folder} holds no picture (looked for files ending in .jpg, .png, .ppm and the like, at any depth).")
    return read_files(folder.name, paths, None, classes, size=size, channels=channels, progress=progress)


def read_files(
    name: str,
    pictures: Sequence[Path | tuple[Path, Box]],
    labels: np.ndarray | None,
    classes: Sequence[str],
    *,
    size: int,
    channels: int = 3,
    progress: Progress | None = None,
    terms: str = "unknown",
) -> ImageSet:
    """Given picture files, decoded, and kept decoded in the cache folder until one of them changes.

    Args:
        name: what messages and the cache call the set.
        pictures: the N files; a pair of a file and a box takes that part of its picture.
        labels: (N,) int64 into `classes`, or None.
        classes: class names, in index order.
        size, channels, progress: see `read_labelled`.
        terms: terms of use, kept with the decoded copy.

    Raises:
        PictureError: pictures that cannot be read; the message names them.
    """
    paths = [p[0] if isinstance(p, tuple) else p for p in pictures]
    boxes = [p[1] if isinstance(p, tuple) else None for p in pictures] if any(isinstance(p, tuple) for p in pictures) else None

    def make() -> ImageSet:
        pictures = cast("np.ndarray", decoding(paths, boxes, size=size, channels=channels, progress=progress))
        return ImageSet(name, pictures, labels, tuple(classes))

    try:
        key = files_key(paths, size, channels, tuple(classes), None if labels is None else labels.tolist(), boxes)
    except OSError:
        return in_memory(make())  # a file that is not there is named by the decoder
    return cached(re.sub(r"[^\w.-]+", "_", name) or "pictures", key, make, terms=terms)


def pack_folder(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    size: int,
    channels: int = 3,
    labelled: bool | None = None,
    terms: str = "unknown",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Decode a folder of pictures once, to a pack.

    Args:
        folder: a folder a class, or loose pictures.
        out: the pack's folder.
        labelled: whether subfolders are classes; None: they are, unless pictures lie beside them or there are none.
        size, channels, terms, overwrite, progress: see `read_labelled` and `write_pack`.

    Raises:
        DataError: see `read_labelled`, `read_loose` and `write_pack`; also when `out` lies inside `folder`.
    """
    folder = _existing(folder)
    if Path(out).resolve().is_relative_to(folder.resolve()):
        raise DataError(f"The pack {out} would lie inside the folder that it is made of; choose a place outside {folder}.")
    if labelled is None:
        labelled = bool(class_folders(folder)) and not any(is_picture_file(p) for p in folder.iterdir() if p.is_file())
    read = read_labelled if labelled else read_loose
    return write_pack(out, read(folder, size=size, channels=channels, progress=progress), terms=terms, overwrite=overwrite)


def _from_pack(folder: Path, size: int, channels: int, *, labelled: bool) -> ImageSet:
    found = read_pack(folder)
    if labelled and found.labels is None:
        raise DataError(f"The pack {folder} has no labels; the source side needs a pack made of one folder a class.")
    return ImageSet(found.name, with_channels(resized(found.images, size), channels), found.labels, found.classes)


def _existing(folder: str | os.PathLike[str]) -> Path:
    path = expanded(folder)
    if not path.is_dir():
        what = "is a file, expected a folder" if path.exists() else "does not exist"
        raise DataError(f"{path} {what}; name a folder of pictures, or a pack.")
    return path


def _natural(text: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", text)]


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
