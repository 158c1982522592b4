"""Pascal VOC annotations: pictures with boxes, each box one labelled picture."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from dazoo.data.files import scan
from dazoo.data.formats import SUFFIXES
from dazoo.data.pictures import Box
from dazoo.errors import DataError
from dazoo.plain import read_bounded


MAX_ANNOTATION = 64 * 2**20
"""Bytes of one annotation."""


@dataclass(frozen=True)
class Boxed:
    """One object: the picture that shows it, its class and its box."""

    picture: Path
    label: str
    box: Box


def voc_boxes(folder: Path, *, border: float = 0.1) -> list[Boxed]:
    """Every object of every annotation under a folder, in the order of the file names.

    A picture is looked for beside its annotation, and in the neighbouring folders `images` and `JPEGImages`.

    Args:
        folder: holds the `.xml` files, at any depth.
        border: margin added on each side, as a fraction of the box's width and height; it is cut at the picture's edge.

    Raises:
        DataError: an annotation that cannot be read, a box without area, a picture that is not there.
    """
    return [boxed for path in sorted(scan(folder, ".xml").pictures) for boxed in _objects(path, border)]


def _objects(path: Path, border: float) -> Iterator[Boxed]:
    try:
        root = ElementTree.fromstring(read_bounded(path, MAX_ANNOTATION))
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:  # the last two: of an encoding that is none
        raise DataError(f"{path} is not a readable annotation ({error}); expected Pascal VOC XML.") from error
    if root.tag != "annotation":
        return  # some other XML file that happens to lie here
    picture = _picture(path, (root.findtext("filename") or "").strip())
    for item in root.iter("object"):
        try:
            label = item.findtext("name", "").strip()
            x1, y1, x2, y2 = (float(item.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax"))
        except ValueError as error:
            raise DataError(f"{path}: a box lacks a side or holds no number ({error}); expected xmin, ymin, xmax, ymax.") from error
        if not label or not (x2 > x1 and y2 > y1) or not all(map(math.isfinite, (x1, y1, x2, y2))):
            raise DataError(f"{path}: the box {(x1, y1, x2, y2)} of class {label!r} has no area or no class; mend the annotation.")
        dx, dy = border * (x2 - x1), border * (y2 - y1)
        yield Boxed(picture, label, (max(0.0, x1 - dx), max(0.0, y1 - dy), x2 + dx, y2 + dy))


def _picture(path: Path, filename: str) -> Path:
    filename = filename.replace("\\", "/").rsplit("/", 1)[-1]
    places = (path.parent, path.parent.parent / "images", path.parent.parent / "JPEGImages")
    names = [filename] if filename else []
    names += [path.stem + suffix for suffix in sorted(SUFFIXES)]
    for place in places:
        for name in names:
            if os.path.isfile(place / name):  # False also where no file system takes the name
                return place / name
    raise DataError(f"{path} describes {filename or path.stem!r}, but no such picture is in {', '.join(str(p) for p in places)}.")
