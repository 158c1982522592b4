"""What a person may give as pictures beside a folder: a table of files, or a data set of torch, torchvision or Hugging Face."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from dazoo.contracts.images import ImageSet
from dazoo.data.files import natural
from dazoo.data.files import scan
from dazoo.data.folder import existing
from dazoo.data.items import Items
from dazoo.data.items import is_items
from dazoo.data.items import saved_items
from dazoo.data.listing import Listing
from dazoo.data.names import class_name
from dazoo.data.names import matched
from dazoo.data.names import some
from dazoo.data.names import tell_spellings
from dazoo.data.pack import is_pack
from dazoo.data.pack import pack_info
from dazoo.data.tables import is_table
from dazoo.data.tables import read_table
from dazoo.errors import DataError
from dazoo.errors import DazooError
from dazoo.plain import expanded


SAMPLE = 200
"""Pictures of a source whose headers are read to learn their size."""


def opened(thing: Any) -> Listing | None:
    """A table or a data set, ready to be read; None for a folder or a pack, which `dazoo.data.folder` reads.

    Args:
        thing: a path, or a map-style data set: anything with a length and items, which are pictures, (picture, label) pairs, or mappings.

    Raises:
        DataError: a file that is no table, or something else that holds no pictures.
    """
    if isinstance(thing, ImageSet):
        names = None if thing.labels is None else [thing.classes[k] for k in thing.labels]
        return Items(thing.name, thing.images, labels=names, order=thing.classes)
    if isinstance(thing, str | os.PathLike):
        path = expanded(thing)
        if is_table(path):
            return read_table(path)
        return saved_items(path) if path.is_dir() else None
    if is_items(thing):
        return Items.of(thing)
    raise DataError(
        f"A {type(thing).__name__} holds no pictures that can be read; give a folder, a table (.csv, .tsv, .txt), or a data set "
        "with a length and items (torch.utils.data.Dataset, datasets.Dataset). Write one that can only be gone through to a folder first."
    )


def short_sides(thing: Any) -> list[int]:
    """Short sides in pixels of some of the pictures, spread evenly. Empty where nothing could be looked at; whoever reads them explains."""
    try:
        listing = opened(thing)
        if listing is not None:
            return listing.short_sides(SAMPLE)
        folder = existing(thing)
        if is_pack(folder):
            info = pack_info(folder)
            return [min(info.shape[:2])] * min(SAMPLE, info.count)
        return Listing(folder.name, scan(folder).pictures, None).short_sides(SAMPLE)
    except (DazooError, OSError):
        return []


def labelled_set(listing: Listing, size: int, channels: int, classes: Sequence[str] | None = None) -> ImageSet:
    """A labelled set of all that is listed.

    Args:
        listing: the pictures. size, channels: see `read_labelled`.
        classes: the classes and their order; None takes those of the listing: in its own order, or sorted by name ("2" before "10").

    Raises:
        DataError: pictures without a label, a single class name that is none of `classes`; the message names the file and line.
        PictureError: pictures that cannot be read.
    """
    if classes is None:
        pictures = listing.load(size, channels)
        names = [_needed(listing, i, name) for i, name in enumerate(listing.known())]
        order = tuple(listing.order or sorted(dict.fromkeys(names), key=natural))
        return ImageSet(listing.name, pictures, np.array([order.index(n) for n in names], np.int64), order)
    if listing.labels is None:
        listing.load(size, channels)  # a data set tells its labels only with its pictures
    labels, strange = _fitted(listing, classes)
    if strange:
        raise DataError(f"{listing.name} has labels that are no known class: {some(strange)}. The classes are {some(classes)}.")
    for i in np.flatnonzero(labels < 0)[:1]:
        _needed(listing, int(i), None)
    return ImageSet(listing.name, listing.load(size, channels), labels, tuple(classes))


def target_sets(listing: Listing, classes: Sequence[str], size: int, channels: int, use: bool | None = None) -> tuple[ImageSet, ImageSet]:
    """The pictures of a target to learn from, and those to count on: the ones with a label, or all where none has.

    Labels are for counting alone; they are dropped on the way to training.

    Args:
        use: whether the labels are class names; None: they are when all are known.

    Raises:
        DataError: some labels are names of `classes` and others are not.
    """
    pictures = listing.load(size, channels)
    loose = ImageSet(listing.name, pictures, None, tuple(classes))
    if use is False or not any(listing.known()):
        return loose, loose
    labels, strange = _fitted(listing, classes)
    known = labels >= 0
    if strange and (known.any() or use):
        raise DataError(
            f"{listing.name} has labels of the source's classes ({some(sorted({classes[k] for k in labels[known]}))}) beside others "
            f"({some(strange)}), such as {listing.place(_first(listing, strange))}. Rename or remove the others, or leave the labels out."
        )
    if not known.any():
        warnings.warn(f"{listing.name}: its labels ({some(strange)}) are no class of the source, so they count nothing.", stacklevel=4)
        return loose, loose
    everything = ImageSet(listing.name, pictures, np.where(known, labels, 0), tuple(classes))
    if known.all():
        return everything, everything
    text = f"{listing.name}: {int((~known).sum())} picture(s) without a label are learnt from and not counted."
    warnings.warn(text, stacklevel=4)
    return loose, everything.select(np.flatnonzero(known))


def _fitted(listing: Listing, classes: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Labels (N,) int64 into `classes`, -1 where there is none; and the names that are none of them.

    Of two ways to read the labels (number, name of the folder) the one with fewer strange names counts.
    """
    found = []
    for names in listing.readings():
        known = matched(dict.fromkeys(n for n in names if n), classes)
        strange = [class_name(n) for n in dict.fromkeys(names) if n and n not in known]
        found.append((len(strange), names, known, strange))
    _, names, known, strange = min(found, key=lambda entry: entry[0])
    tell_spellings(listing.name, known)
    return np.array([classes.index(known[n]) if n in known else -1 for n in names], np.int64), strange


def _needed(listing: Listing, i: int, name: str | None) -> str:
    if not name:
        raise DataError(f"{listing.place(i)}: no label; every picture needs one here.")
    return name


def _first(listing: Listing, strange: Sequence[str]) -> int:
    return next((i for i, name in enumerate(listing.known()) if name and class_name(name) in strange), 0)
