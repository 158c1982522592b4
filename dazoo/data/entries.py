"""What a person gives as pictures, one by one and before any is decoded, for a first look."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dazoo.data.folder import existing
from dazoo.data.folder import labelled_files
from dazoo.data.items import Items
from dazoo.data.listing import Listing
from dazoo.data.looking import Entries
from dazoo.data.looking import Entry
from dazoo.data.names import class_name
from dazoo.data.names import matched
from dazoo.data.names import some
from dazoo.data.names import spelled_alike
from dazoo.data.own import looks_labelled
from dazoo.data.pack import is_pack
from dazoo.data.pack import read_pack
from dazoo.data.sources import opened
from dazoo.errors import DataError


def entries_of(thing: Any, classes: tuple[str, ...] | None) -> Entries:
    """The pictures of a side, before any is decoded.

    Args:
        thing: a folder, a pack, a table or a data set; see `own_domains`.
        classes: of the source, for a target; None for the source itself, whose folders are classes.

    Raises:
        DataError: what `own_domains` raises before it reads a picture.
    """
    listing = opened(thing)
    if listing is not None:
        return _listed(listing, classes)
    folder = existing(thing)
    if is_pack(folder):
        found = read_pack(folder)
        if classes is None and found.labels is None:
            raise DataError(f"The pack {folder} has no labels; the source side needs a pack made of one folder per class.")
        names = [None] * len(found) if found.labels is None else [found.classes[k] for k in found.labels]
        pictures = [Entry(f"{found.name}, picture {i}", n, np.asarray(found.images[i])) for i, n in enumerate(names)]
        return Entries(found.name, tuple(pictures), found.classes if classes is None else ())
    by_folder, loose, seen = labelled_files(folder)
    if classes is None:
        return Entries(folder.name, _labelled(folder, by_folder, loose), tuple(map(class_name, by_folder)), seen.passing())
    labelled, _ = looks_labelled(folder, classes) if classes else (False, [])
    known = matched(by_folder, classes) if labelled else {}
    pictures = [Entry(str(p), known.get(name), p) for name, paths in by_folder.items() for p in paths] + [_loose(p) for p in loose]
    if not pictures:
        raise DataError(f"{folder} holds no picture. {seen.passing() or 'Looked for .jpg, .png, .ppm and the like, at any depth.'}")
    return Entries(folder.name, tuple(pictures), (), seen.passing())


def _listed(listing: Listing, classes: tuple[str, ...] | None) -> Entries:
    """The pictures of a table or a data set."""
    named, contents = listing.known(), list[Any](listing.paths)
    if isinstance(listing, Items):
        contents = [partial(listing.picture, i) for i in range(len(listing))]
        if not any(named):  # it tells them only with its pictures, none of which is kept here
            named = [listing.label(i) for i in range(len(listing))]
    if classes is None:
        lacking = next((i for i, name in enumerate(named) if name is None), None)
        if lacking is not None:
            raise DataError(f"{listing.place(lacking)} has no label; every source picture needs one.")
    else:
        known = matched({name for name in named if name is not None}, classes)
        named = [known.get(name) if name is not None else None for name in named]
    pictures = (Entry(listing.place(i), name, content) for i, (name, content) in enumerate(zip(named, contents, strict=True)))
    return Entries(listing.name, tuple(pictures))


def _labelled(folder: Path, by_folder: dict[str, list[Path]], loose: list[Path]) -> tuple[Entry, ...]:
    if not by_folder:
        seen = f"{len(loose)} loose picture(s)" if loose else "no folder"
        raise DataError(f"{folder} should hold one folder per class, but holds {seen}. Put each class into a folder with its name.")
    if len(by_folder) == 1:
        (only,) = by_folder
        deeper = sorted({p.relative_to(folder / only).parts[0] for p in by_folder[only] if len(p.relative_to(folder / only).parts) > 1})
        if len(deeper) > 1:
            raise DataError(f"{folder} holds the one folder {only}, which holds {some(deeper)}: name {folder / only} as the source.")
    if loose:
        warnings.warn(f"{folder}: {len(loose)} picture(s) outside the class folders are not used, such as {loose[0].name}.", stacklevel=2)
    alike = spelled_alike(tuple(dict.fromkeys(map(class_name, by_folder))))
    if alike:
        warnings.warn(f"{folder}: {alike} differ in spelling alone and are different classes; rename them if they are one.", stacklevel=2)
    return tuple(Entry(str(path), class_name(name), path) for name, paths in by_folder.items() for path in paths)


def _loose(path: Path) -> Entry:
    return Entry(str(path), None, path)
