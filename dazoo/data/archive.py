"""Reading `.npz` archives of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dazoo.errors import DataError


MAX_UNPACKED = 16 * 2**30
"""Bytes that an archive may unpack to: a few kilobytes can ask for more memory than any machine has."""


def read_npz(path: Path, keys: Sequence[str]) -> list[np.ndarray]:
    """The arrays `keys` of an archive, in that order.

    Raises:
        DataError: the archive is damaged or truncated, lacks a key, or would unpack to more than `MAX_UNPACKED` bytes.
    """
    try:
        if not path.is_file():  # a pipe would never end
            raise ValueError("it is missing, or no ordinary file")
        with np.load(path, allow_pickle=False) as archive:
            lacking = [k for k in keys if k not in archive.files]
            if lacking:
                has = ", ".join(archive.files) or "none"
                raise DataError(f"{path} has no array {', '.join(lacking)}; it has {has}. Is it the right file?")
            check_unpacked(path, sum(i.file_size for i in archive.zip.infolist() if i.filename.removesuffix(".npy") in keys))
            return [np.asarray(archive[k]) for k in keys]
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f"{path} needs more memory than there is ({error}).") from error
    except Exception as error:  # a damaged header is handed to Python's parser, which raises what it likes
        raise DataError(f"{path} cannot be read as an .npz archive ({error}); it may be truncated: fetch it again.") from error


def check_unpacked(path: Path, size: int) -> None:
    """See that an archive stays within bounds when it is unpacked.

    Raises:
        DataError: it does not.
    """
    if size > MAX_UNPACKED:
        raise DataError(
            f"{path} would unpack to {size / 2**30:.0f} GiB; expected at most {MAX_UNPACKED // 2**30}, for any set of pictures."
        )


def check_labelled(path: Path, images: np.ndarray, labels: np.ndarray, *, colour: bool) -> None:
    """See that an archive holds pictures and a label for each.

    Args:
        colour: pictures are (N, H, W, 3), else (N, H, W).

    Raises:
        DataError: it does not; the message says what it holds.
    """
    sides, expected = (images.shape[3:] == (3,), "(N, H, W, 3)") if colour else (images.ndim == 3, "(N, H, W)")
    if not sides or images.dtype != np.uint8:
        raise DataError(f"{path} holds images {images.dtype} {images.shape}; expected uint8 {expected}.")
    if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"{path} holds labels {labels.dtype} {labels.shape}; expected one whole number for each of {len(images)} images.")
