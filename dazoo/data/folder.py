"""Folders of pictures: one folder per class, loose pictures, boxes of annotations."""

from __future__ import annotations

import os
import re
import warnings
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
from dazoo.data.files import Scan
from dazoo.data.files import class_folders
from dazoo.data.files import scan
from dazoo.data.files import tell_passed
from dazoo.data.formats import is_picture_file
from dazoo.data.names import class_name
from dazoo.data.names import matched
from dazoo.data.names import some
from dazoo.data.names import spelled_alike
from dazoo.data.names import tell_spellings
from dazoo.data.pack import is_pack
from dazoo.data.pack import read_pack
from dazoo.data.pack import write_pack
from dazoo.data.paths import expanded
from dazoo.data.pictures import Box
from dazoo.data.pixels import resized
from dazoo.data.pixels import with_channels
from dazoo.errors import DataError
from dazoo.plain import native


def read_labelled(
    folder: str | os.PathLike[str], *, size: int, channels: int = 3, classes: Sequence[str] | None = None, progress: Progress | None = None
) -> ImageSet:
    """One folder per class: the subfolders' names are the classes, every picture under one belongs to it.

    Args:
        folder: the folder of class folders, or a labelled pack.
        size: side of the square that pictures are squashed to, pixels; or a `Cropped` one.
        channels: 3 or 1.
        classes: the classes and their order; None takes the subfolders, in natural order. A subfolder belongs to the class that a person
            reads in its name (see `dazoo.data.names`); another spelling than the class's is told in a warning.
        progress: called while pictures are read.

    Returns:
        The labelled set. It is kept decoded in the cache folder until a file changes.

    Raises:
        DataError: no such folder, no class folders, a class without pictures, a folder that is not one of `classes`.
        PictureError: pictures that cannot be read; the message names them.
    """
    folder = existing(folder)
    size, channels = native(size), native(channels)
    if is_pack(folder):
        return _from_pack(folder, size, channels, labelled=True)
    by_folder, loose, found = labelled_files(folder)
    if not by_folder:
        seen = f"{len(loose)} loose picture(s)" if loose else "no folder"
        raise DataError(f"{folder} should hold one folder per class, but holds {seen}. Put each class into a folder with its name.")
    if loose:
        text = f"{folder}: {len(loose)} picture(s) outside the class folders are not used, such as {loose[0].name}."
        warnings.warn(text, stacklevel=2)
    empty = [name for name, its in by_folder.items() if not its]
    if empty:
        why = f" {found.passing()}" if found.passing() else " Add pictures, or remove the folders."
        raise DataError(f"{folder}: no picture in the class folder(s) {some(map(class_name, empty))}.{why}")
    tell_passed([found], folder)
    class_of, names = _classes(folder, tuple(by_folder), None if classes is None else native(tuple(classes)))
    paths = [p for its in by_folder.values() for p in its]
    labels = np.array([names.index(class_of[name]) for name, its in by_folder.items() for _ in its], np.int64)
    return read_files(class_name(folder.name), paths, labels, names, size=size, channels=channels, progress=progress)


def labelled_files(folder: Path) -> tuple[dict[str, list[Path]], list[Path], Scan]:
    """The picture files of each subfolder by its name, those beside the subfolders, and the scan that they come from.

    Raises:
        DataError: a folder that may not be read.
    """
    found = scan(folder)
    by_folder: dict[str, list[Path]] = {p.name: [] for p in class_folders(folder)}
    loose: list[Path] = []
    start = len(os.path.join(folder, ""))
    for path in found.pictures:
        first, slash, _ = os.fspath(path)[start if folder != Path() else 0 :].partition(os.sep)
        (by_folder.setdefault(first, []) if slash else loose).append(path)
    return by_folder, loose, found


def _classes(folder: Path, names: tuple[str, ...], known: tuple[str, ...] | None) -> tuple[dict[str, str], tuple[str, ...]]:
    """The class of each subfolder, and all classes in order."""
    if known is not None:
        found = matched(names, known)
        strange = [class_name(n) for n in names if n not in found]
        if strange:
            raise DataError(f"{folder} has folders that are no known class: {some(strange)}. The classes are {some(known)}.")
        tell_spellings(folder, found)
        return found, known
    found = {name: class_name(name) for name in names}
    own = tuple(dict.fromkeys(found.values()))
    if len(own) < len(found):
        twice = sorted({c for c in own if list(found.values()).count(c) > 1})
        warnings.warn(f"{folder}: several folders bear one class name and are taken together: {some(twice)}.", stacklevel=3)
    alike = spelled_alike(own)
    if alike:
        warnings.warn(f"{folder}: {alike} differ in spelling alone and are different classes; rename them if they are one.", stacklevel=3)
    return found, own


def read_loose(
    folder: str | os.PathLike[str], *, size: int, channels: int = 3, classes: Sequence[str] = (), progress: Progress | None = None
) -> ImageSet:
    """Every picture under a folder, at any depth, without labels; or a pack, whose labels are dropped.

    Raises:
        DataError: no such folder, or no picture in it.
        PictureError: pictures that cannot be read; the message names them.
    """
    folder = existing(folder)
    size, channels, classes = native(size), native(channels), native(tuple(classes))
    if is_pack(folder):
        found = _from_pack(folder, size, channels, labelled=False)
        return ImageSet(found.name, found.images, None, tuple(classes))
    seen = scan(folder)
    if not seen.pictures:
        why = seen.passing() or "Looked for files ending in .jpg, .png, .ppm and the like, at any depth."
        raise DataError(f"{folder} holds no picture. {why}")
    tell_passed([seen], folder)
    return read_files(class_name(folder.name), seen.pictures, None, classes, size=size, channels=channels, progress=progress)


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
    except (DataError, ValueError):  # the latter: no path at all
        return in_memory(make())  # a file that is not there is named by the decoder
    return cached(_plain_name(name), key, make, terms=terms)


def _plain_name(name: str) -> str:
    """A name for a folder of the cache: letters of ASCII, digits, dots and dashes, of bounded length."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:60].strip("_.") or "pictures"


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
        folder: one folder per class, or loose pictures.
        out: the pack's folder.
        labelled: whether subfolders are classes; None: they are, unless pictures lie beside them or there are none.
        size, channels, terms, overwrite, progress: see `read_labelled` and `write_pack`.

    Raises:
        DataError: see `read_labelled`, `read_loose` and `write_pack`; also when `out` lies inside `folder`.
    """
    folder = existing(folder)
    if Path(out).resolve().is_relative_to(folder.resolve()):
        raise DataError(f"The pack {out} would lie inside the folder that it is made of; choose a place outside {folder}.")
    if labelled is None:
        inner, loose = class_folders(folder), [p for p in folder.iterdir() if is_picture_file(p) and p.is_file()]
        labelled = bool(inner) and not loose
        if inner and loose:
            text = (
                f"{folder}: {loose[0].name} is beside the folders, so the pack has no labels; move it, or give labelled=True (--labelled)."
            )
            warnings.warn(text, stacklevel=2)
    read = read_labelled if labelled else read_loose
    return write_pack(out, read(folder, size=size, channels=channels, progress=progress), terms=terms, overwrite=overwrite)


def _from_pack(folder: Path, size: int, channels: int, *, labelled: bool) -> ImageSet:
    found = read_pack(folder)
    if labelled and found.labels is None:
        raise DataError(f"The pack {folder} has no labels; the source side needs a pack made of one folder per class.")
    return ImageSet(found.name, with_channels(resized(found.images, size), channels), found.labels, found.classes)


def existing(folder: str | os.PathLike[str]) -> Path:
    """A folder that a person named, `~` resolved.

    Raises:
        DataError: it is not there, or no folder.
    """
    path = expanded(folder)
    if not path.is_dir():
        what = "is a file, expected a folder" if path.exists() else "does not exist"
        raise DataError(f"{path} {what}; name a folder of pictures, or a pack.")
    return path
