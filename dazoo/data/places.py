"""Folders that mean something else than they are taken for: splits among classes, one side inside the other."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

from dazoo.data.files import class_folders
from dazoo.data.names import class_name
from dazoo.data.names import matched
from dazoo.data.names import read_as
from dazoo.data.names import some
from dazoo.data.pack import is_pack
from dazoo.errors import DataError


SPLITS = frozenset("train training trainset val valid validation dev test testing testset eval holdout".split())
"""What folders are called that hold parts of a data set rather than classes."""


def splits_among(names: Iterable[str]) -> list[str]:
    """Those of some folders' names that name parts of a data set."""
    return [class_name(n) for n in names if read_as(n) in SPLITS]


def check_source(folder: Path) -> None:
    """See whether the folders of a labelled source look like classes.

    Warns:
        some are named like parts of a data set.

    Raises:
        DataError: all of them are, and hold the class folders.
    """
    if is_pack(folder):
        return
    inner = class_folders(folder)
    named = splits_among(p.name for p in inner)
    if not named:
        return
    deeper = [p for p in inner if class_name(p.name) in named and len(class_folders(p)) > 1]
    one = next(p for p in inner if class_name(p.name) in named)
    advice = f"name one of them ({one}) as the source."
    if len(named) == len(inner) and deeper:
        within = some(class_name(p.name) for p in class_folders(deeper[0]))
        raise DataError(f"{folder} holds {some(named)}, which hold the folders of the classes ({within}): {advice}")
    text = f"{folder}: the folders {some(named)} are taken for classes. If they are parts of the data set, {advice}"
    warnings.warn(text, stacklevel=3)


def check_sides(source: Path, target: Path) -> None:
    """See whether two folders are two.

    Warns:
        they are one, or the source lies inside the target.

    Raises:
        DataError: the target lies inside the source, so its pictures would be learnt with a wrong label.
    """
    one, other = source.resolve(), target.resolve()
    if one == other:
        warnings.warn(f"Source and target are one folder, {source}: there is nothing to adapt to.", stacklevel=3)
    elif other.is_relative_to(one):
        raise DataError(
            f"The target {target} lies inside the source {source}, where it is taken for (a part of) a class; move it out of there."
        )
    elif one.is_relative_to(other):
        text = f"The source {source} lies inside the target {target}, so its pictures are pictures of the target too; move one of them."
        warnings.warn(text, stacklevel=3)


def tell_unlabelled(folder: Path, names: Iterable[str], classes: tuple[str, ...]) -> None:
    """Warn where the folders of a target, or the classes of a pack, could have been meant as labels and give none."""
    names = list(names)
    if not names:
        return
    what = "classes" if is_pack(folder) else "folders"
    text = f"{folder}: its {what} ({some(map(class_name, names))}) bear no class name of the source, so they give no labels for evaluation."
    for name in names if what == "folders" else ():
        deeper = [p.name for p in class_folders(folder / name)]
        if deeper and len(matched(deeper, classes)) == len(deeper):
            text += f" {folder / name} holds class folders: name it as the target to have labels."
            break
    warnings.warn(text, stacklevel=4)
