"""A person's own pictures: labelled ones to learn from, others to become good at."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from dazoo.contracts.dataset import Domains
from dazoo.contracts.images import ImageSet
from dazoo.data.checks import check_domains
from dazoo.data.folder import existing
from dazoo.data.folder import labelled_files
from dazoo.data.folder import read_labelled
from dazoo.data.folder import read_loose
from dazoo.data.names import class_name
from dazoo.data.names import matched
from dazoo.data.names import some
from dazoo.data.names import tell_spellings
from dazoo.data.pack import is_pack
from dazoo.data.pack import pack_info
from dazoo.data.places import check_sides
from dazoo.data.places import check_source
from dazoo.data.places import tell_unlabelled
from dazoo.data.sources import labelled_set
from dazoo.data.sources import opened
from dazoo.data.sources import target_sets
from dazoo.errors import DataError
from dazoo.plain import native


HELD_OUT_SHARE = 0.1
"""Part of each source class that is held out. Who comes back to a trained model's source must hold out the same (`split_classes`)."""


def own_domains(
    source_dir: Any,
    target_dir: Any,
    *,
    size: int,
    channels: int = 3,
    target_labels_dir: Any = None,
    target_labelled: bool | None = None,
    test_fraction: float = HELD_OUT_SHARE,
    seed: int = 0,
) -> Domains:
    """Two folders, tables or data sets as a task.

    Args:
        source_dir: one folder per class (or a labelled pack), a table of files, or a map-style data set (see `dazoo.data.sources`).
            A part of each class is held out as the source's test set.
        target_dir: pictures at any depth (or a pack), a table or a data set. One folder per class, or labels, with the source's class
            names count in the evaluation; training never sees them.
        size: side of the square pictures, pixels.
        channels: 3 or 1.
        target_labels_dir: one folder per class of other target pictures, to evaluate on.
        target_labelled: whether the subfolders of `target_dir` are classes; None: they are when all bear class names. Pictures that lie
            beside them are used without a label then.
        test_fraction: part of each source class that is held out, in (0, 1); at least one picture of a class that has two.
        seed: fixes which ones.

    Returns:
        The domains; the target sets have `labels` None when nothing gives them.

    Raises:
        DataError: a folder is missing or empty, class names differ, or the two sides do not fit (see `check_domains`).
        PictureError: pictures that cannot be read.
    """
    size, channels, test_fraction, seed = native(size), native(channels), native(test_fraction), native(seed)
    if not 0 < test_fraction < 1:
        raise DataError(f"test_fraction is {test_fraction}; expected a number between 0 and 1, such as 0.1.")
    one, other = opened(source_dir), opened(target_dir)
    if one is None and other is None:
        check_sides(existing(source_dir), existing(target_dir))
    source = _source(existing(source_dir), size, channels) if one is None else labelled_set(one, size, channels)
    train, test = split_classes(source, test_fraction, seed)
    use = native(target_labelled)
    if other is None:
        target, target_test = _target(existing(target_dir), source.classes, use, size, channels)
    else:
        target, target_test = target_sets(other, source.classes, size, channels, use)
    if target_labels_dir is not None:
        target_test = read_labels(target_labels_dir, source.classes, size, channels)
    domains = Domains(train, test, target, target_test)
    check_domains(domains, size=size, channels=channels)
    return domains


def read_labels(given: Any, classes: tuple[str, ...], size: int, channels: int) -> ImageSet:
    """Labelled pictures (a folder, a pack, a table or a data set) whose labels are among given classes.

    Raises:
        DataError: other labels, or pictures without one.
    """
    listing = opened(given)
    if listing is not None:
        return labelled_set(listing, size, channels, classes)
    return _labelled(existing(given), classes, size, channels)


def _source(folder: Path, size: int, channels: int) -> ImageSet:
    check_source(folder)
    return read_labelled(folder, size=size, channels=channels)


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


def _target(folder: Path, classes: tuple[str, ...], labelled: bool | None, size: int, channels: int) -> tuple[ImageSet, ImageSet]:
    """The target to learn from and to count on. They are one set, unless some pictures have no label."""

    def loose() -> ImageSet:
        return read_loose(folder, size=size, channels=channels, classes=classes)

    strays: list[Path] = []
    if labelled is None:
        labelled, strays = looks_labelled(folder, classes)
    if not labelled:
        both = loose()
        return both, both
    with warnings.catch_warnings():
        if strays:  # read_labelled would say that they are not used
            warnings.filterwarnings("ignore", message=r".*outside the class folders")
        test = _labelled(folder, classes, size, channels)
    if not strays:
        return test, test
    text = f"{folder}: {len(strays)} picture(s) outside the class folders, such as {strays[0].name}, are learnt from and not counted."
    warnings.warn(text, stacklevel=3)
    return loose(), test


def looks_labelled(folder: Path, classes: tuple[str, ...]) -> tuple[bool, list[Path]]:
    """Whether a target has class folders, and the pictures outside of them.

    Raises:
        DataError: folders of the source's classes beside others, so that nobody knows what was meant.
    """
    strays: list[Path] = []
    if is_pack(folder):
        info = pack_info(folder)
        names = list(info.classes) if info.labelled else []
    else:
        files, strays, _ = labelled_files(folder)
        names = [name for name, its in files.items() if its]
    known = matched(names, classes)
    if known and len(known) < len(names):
        strange = some(class_name(n) for n in names if n not in known)
        raise DataError(
            f"{folder} has class folders of the source ({some(known.values())}) beside others ({strange}). Rename or remove the others "
            "so that they give labels for evaluation, or use all pictures without labels: target_labelled=False (--no-target-labels)."
        )
    if not known:
        tell_unlabelled(folder, names, classes)
    return bool(known), strays


def _labelled(folder: Path, classes: tuple[str, ...], size: int, channels: int) -> ImageSet:
    if is_pack(folder):
        names = pack_info(folder).classes
        known = matched(names, classes)
        if len(known) < len(names):
            strange = some(n for n in names if n not in known)
            raise DataError(f"The pack {folder} has classes that the source lacks: {strange}. Leave them out and pack again.")
        tell_spellings(folder, known)
    found = read_labelled(folder, size=size, channels=channels, classes=classes)
    if found.classes == classes or found.labels is None:
        return found
    index = np.array([classes.index(known[c]) for c in found.classes], np.int64)
    return ImageSet(found.name, found.images, index[found.labels], classes)
