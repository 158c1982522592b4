"""A first look at pictures: each is opened once, small; what is compared later is its size, kind, content and a thumbnail."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dazoo.data.formats import openable
from dazoo.data.pictures import read_picture
from dazoo.errors import PictureError


THUMB = 32
"""Side of a thumbnail, pixels."""

MOST = 5000
"""Pictures of a side that are looked at, spread evenly; all of them are counted."""

GREY = 8
"""Largest difference between the channels of a thumbnail, in grey levels, of a picture without colour (JPEG leaves some)."""


@dataclass(frozen=True)
class Entry:
    """A picture to look at: what messages call it, its class or None, and a path, pixels (H, W, C) or what gives a Pillow image."""

    name: str
    label: str | None
    content: Path | np.ndarray | Callable[[], Any]


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen of a picture.

    Attributes:
        entry: which one.
        problem: why it cannot be read, or None; then the rest is empty.
        size: width and height, pixels. mode: Pillow's name of the kind of its pixels.
        thumb: (THUMB, THUMB, 3) uint8.
    """

    entry: Entry
    problem: str | None = None
    size: tuple[int, int] = (0, 0)
    mode: str = ""
    thumb: np.ndarray | None = None

    @property
    def pixels(self) -> np.ndarray:
        """The thumbnail of a picture that can be read."""
        assert self.thumb is not None
        return self.thumb

    @property
    def grey(self) -> bool:
        """Whether it has no colour."""
        wide = self.pixels.astype(np.int16)
        return bool(np.percentile(wide.max(2) - wide.min(2), 99) <= GREY)


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a task.

    Attributes:
        name: what messages call it. count: pictures of it. counts: by class, where classes are known.
        looks: those that were looked at, in order.
        passing: a sentence on files that are passed over, or "".
    """

    name: str
    count: int
    counts: dict[str, int]
    looks: tuple[Look, ...]
    passing: str = ""

    @property
    def good(self) -> list[Look]:
        """Those that can be read."""
        return [look for look in self.looks if look.problem is None]

    @property
    def bad(self) -> list[Look]:
        """Those that cannot."""
        return [look for look in self.looks if look.problem is not None]

    @property
    def shorts(self) -> np.ndarray:
        """Short sides, pixels."""
        return np.array([min(look.size) for look in self.good])

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        good, shorts = self.good, self.shorts
        sides = {"smallest": int(shorts.min()), "median": int(np.median(shorts)), "largest": int(shorts.max())} if good else {}
        return {
            "name": self.name,
            "pictures": self.count,
            "looked_at": len(self.looks),
            "classes": self.counts,
            "short_side": sides,
            "modes": dict(Counter(look.mode for look in good).most_common()),
            "grey_share": round(sum(look.grey for look in good) / len(good), 4) if good else None,
            "damaged": [f"{look.problem}" for look in self.bad],
            "passed_over": self.passing,
        }


@dataclass(frozen=True)
class Entries:
    """Pictures to look at: `name` is the side's, `classes` those that have no picture too, `passing` a sentence on files passed over."""

    name: str
    pictures: tuple[Entry, ...]
    classes: tuple[str, ...] = ()
    passing: str = ""


def look_at(side: Entries, most: int = MOST) -> Side:
    """Look at some of the pictures of a side, on a few threads."""
    entries = side.pictures
    counts = Counter({name: 0 for name in side.classes})
    counts.update(entry.label for entry in entries if entry.label is not None)
    chosen = entries if len(entries) <= most else [entries[i] for i in np.linspace(0, len(entries) - 1, most).astype(int)]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return Side(side.name, len(entries), dict(counts), tuple(pool.map(_look, chosen)), side.passing)


def _look(entry: Entry) -> Look:
    try:
        if isinstance(entry.content, Path):
            with Image.open(entry.content, formats=openable()) as picture:
                size, mode = picture.size, picture.mode
            return Look(entry, None, size, mode, read_picture(entry.content, size=THUMB))
        shown = _image(entry.content)
        return Look(entry, None, shown.size, shown.mode, read_picture(shown, size=THUMB))
    except PictureError as error:
        return Look(entry, str(error))
    except Exception as error:  # Pillow's header readers raise much; the decoder says it in words
        try:
            read_picture(entry.content, size=THUMB)  # type: ignore[arg-type]
        except PictureError as said:
            return Look(entry, str(said))
        return Look(entry, f"{entry.name}: {error}")


def _image(content: np.ndarray | Callable[[], Any]) -> Image.Image:
    found = content if isinstance(content, np.ndarray) else content()
    if isinstance(found, Image.Image):
        return found
    return Image.fromarray(found[..., 0] if found.shape[-1] == 1 else found)
