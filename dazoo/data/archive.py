"""Reading `.npz` archives of pictures."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dazoo.errors import DataError


def read_npz(path: Path, keys: Sequence[str]) -> list[np.ndarray]:
    """The arrays `keys` of an archive, in that order.

    Raises:
        DataError: the archive is damaged or truncated, or lacks a key.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            lacking = [k for k in keys if k not in archive]
            if lacking:
                has = ", ".join(archive.files) or "none"
                raise DataError(f"{path} has no array {', '.join(lacking)}; it has {has}. Is it the right file?")
            return [archive[k] for k in keys]
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, TypeError, AttributeError) as error:
        raise DataError(f"{path} cannot be read as an .npz archive ({error}); it may be truncated: fetch it again.") from error
