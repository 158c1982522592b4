"""A person's own pictures: labelled ones to learn from, others to become good at."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from dazoo.contracts.dataset import Domains
from dazoo.contracts.images import ImageSet
from dazoo.data.checks import check_domains
from dazoo.data.folder import class_folders
from dazoo.data.folder import picture_files
from dazoo.data.folder import read_labelled
from dazoo.data.folder import read_loose
from dazoo.data.pack import is_pack
from dazoo.data.pack import pack_info
from dazoo.data.paths import expanded
from dazoo.data.pictures import is_picture_file
from dazoo.errors import DataError


def own_domains(
    source_dir: str | os.PathLike[str],
    target_dir: str | os.PathLike[str],
    *,
    size: int,
    channels: int = 3,
    target_labels_dir: str | os.PathLike[str] | None = None,
    target_labelled: bool | None = None,
    test_fraction: float = 0.1,
    seed: int = 0,
) -> Domains:
    """Two folders as a task.

    Args:
        source_dir: one folder per class (or a labelled pack); a part of each class is held out as the source's test set.
        target_dir: pictures at any depth (or a pack). One folder per class, with the source's class names, gives labels for
            evaluation; training never sees them.
        size: side of the square pictures, pixels.
        channels: 3 or 1.
        target_labels_dir: one folder per class of other target pictures, to evaluate on.
        target_labelled: whether the subfolders of `target_dir` are classes; None: they are when all bear class names.
        test_fraction: part of each source class that is held out, in (0, 1); at least one picture of a class that has two.
        seed: fixes which ones.

    Returns:
        The domains; the target sets have `labels` None when nothing gives them.

    Raises:
        DataError: a folder is missing or empty, class names differ, or the two sides do not fit (see `check_domains`).
        PictureError: pictures that cannot be read.
    """
    if not 0 < test_fraction < 1:
        raise DataError(f"test_fraction is {test_fraction}; expected a number between 0 and 1, such as 0.1.")
    source = read_labelled(source_dir, size=size, channels=channels)
    train, test = split_classes(source, test_fraction, seed)
    target = _target(expanded(target_dir), source.classes, target_labelled, size, channels)
    target_test = target
    if target_labels_dir is not None:
        target_test = _labelled(expanded(target_labels_dir), source.classes, size, channels)
    domains = Domains(train, test, target, target_test)
    check_domains(domains, size=size, channels=channels)
    return domains


def split_classes(images: ImageSet, fraction: float, seed: int) -> tuple[ImageSet, ImageSet]:
    """A labelled set in two, class by class: (the larger part, about `fraction` of each class), fixed by the seed.

    Raises:
        DataError: no labels, or no class with two pictures, so that nothing could be held out.
    """
    if images.labels is None:
        raise DataError(f"{images.name} has no labels, so it cannot be split by class.")
    order = np.random.default_rng(seed).permutation(len(images))
    held = []
    for index in range(len(images.classes)):
        members = order[images.labels[order] == index]
        if len(members) > 1:
            held.append(members[: min(len(members) - 1, max(1, round(fraction * len(members))))])
    if not held:
        raise DataError(f"{images.name} has a single picture of each class; at least one class needs two, so that one can be held out.")
    mask = np.zeros(len(images), bool)
    mask[np.concatenate(held)] = True
    return images.select(np.flatnonzero(~mask)), images.select(np.flatnonzero(mask))


def _target(folder: Path, classes: tuple[str, ...], labelled: bool | None, size: int, channels: int) -> ImageSet:
    if labelled is None and folder.is_dir():
        labelled = _looks_labelled(folder, classes)
    if labelled:
        return _labelled(folder, classes, size, channels)
    return read_loose(folder, size=size, channels=channels, classes=classes)


def _looks_labelled(folder: Path, classes: tuple[str, ...]) -> bool:
    if is_pack(folder):
        names = list(pack_info(folder).classes) if pack_info(folder).labelled else []
    elif any(is_picture_file(p) for p in folder.iterdir() if p.is_file()):
        names = []
    else:
        names = [p.name for p in class_folders(folder) if picture_files(p)]
    known = [n for n in names if n in classes]
    if known and len(known) < len(names):
        strange = ", ".join(n for n in names if n not in classes)
        raise DataError(
            f"{folder} has class folders of the source ({', '.join(known)}) beside others ({strange}). Rename or remove the others "
            "so that they give labels for evaluation, or pass target_labelled=False to use all pictures without labels."
        )
    return bool(known)


def _labelled(folder: Path, classes: tuple[str, ...], size: int, channels: int) -> ImageSet:
    if folder.is_dir() and is_pack(folder):
        strange = sorted(set(pack_info(folder).classes) - set(classes))
        if strange:
            raise DataError(f"The pack {folder} has classes that the source lacks: {', '.join(strange)}. Leave them out and pack again.")
    found = read_labelled(folder, size=size, channels=channels, classes=classes)
    if found.classes == classes or found.labels is None:
        return found
    index = np.array([classes.index(c) for c in found.classes], np.int64)
    return ImageSet(found.name, found.images, index[found.labels], classes)
