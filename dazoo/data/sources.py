"""What a person may give as pictures: a folder, a pack, a table of files, or a data set of another library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from dazoo.data.files import scan
from dazoo.data.formats import openable
from dazoo.data.pack import is_pack
from dazoo.data.pack import pack_info
from dazoo.errors import DazooError
from dazoo.plain import expanded


SAMPLE = 200
"""Pictures of a source whose headers are read to learn their size."""


def short_sides(source: Any) -> list[int]:
    """Short sides in pixels of some of the pictures, spread evenly; only headers are read. Empty where nothing could be looked at, which
    whoever reads the pictures explains."""
    try:
        folder = expanded(source)
        if is_pack(folder):
            return [min(pack_info(folder).shape[:2])] * min(SAMPLE, pack_info(folder).count)
        return _of_files(scan(folder).pictures)
    except (DazooError, OSError, TypeError):
        return []


def _of_files(files: Sequence[Path]) -> list[int]:
    found = []
    for i in range(0, len(files), max(1, len(files) // SAMPLE)):
        try:
            with Image.open(files[i], formats=openable()) as picture:
                found.append(min(picture.size))
        except Exception:  # noqa: BLE001, S112  a damaged picture is told by who reads it
            continue
    return found
