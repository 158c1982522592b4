"""Packs: an image set decoded once to uint8 on the disk, and memory-mapped after.

A pack is a folder of three files: `images.npy` (N, H, W, C) uint8, `labels.npy` (N,) int64 (absent when there are
no labels) and `pack.json` (schema, name, classes, terms, a digest of the pictures and labels, a digest of the record itself).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dazoo.contracts.images import ImageSet
from dazoo.contracts.rows import pieces
from dazoo.data.decoding import Decoding
from dazoo.drafts import whole_folder
from dazoo.errors import DataError
from dazoo.plain import no_twins
from dazoo.plain import read_bounded
from dazoo.plain import shown


SCHEMA = 2
_READS = (1, SCHEMA)
"""Schemas that are read; 1 had no digest of the record."""
MAX_RECORD = 64 * 2**20
"""Bytes of a pack.json."""


@dataclass(frozen=True)
class PackInfo:
    """What `pack.json` says: name, number of pictures, (H, W, C), classes, whether labelled, terms of use, digest."""

    name: str
    count: int
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    labelled: bool
    terms: str
    digest: str


def is_pack(folder: str | os.PathLike[str]) -> bool:
    """Whether the folder holds a pack."""
    return (Path(folder) / "pack.json").is_file()


def write_pack(folder: str | os.PathLike[str], images: ImageSet, *, terms: str = "unknown", overwrite: bool = False) -> Path:
    """Write an image set as a pack; it appears whole or not at all.

    Args:
        folder: the pack's folder, made here.
        images: what to store.
        terms: licence or terms of use of the pictures, one line.
        overwrite: replace a pack that is there (any other folder is never replaced).

    Returns:
        The folder.

    Raises:
        DataError: the folder exists and may not be replaced, or cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and not (overwrite and is_pack(folder)) and (not folder.is_dir() or any(folder.iterdir())):
        hint = "pass overwrite=True (--force) to replace it" if is_pack(folder) else "it is not a pack; choose another folder"
        raise DataError(f"{folder} exists already: {hint}.")
    meta: dict[str, Any] = {
        "schema": SCHEMA,
        "name": images.name,
        "count": len(images),
        "shape": list(images.images.shape[1:]),
        "classes": list(images.classes),
        "labelled": images.labels is not None,
        "terms": terms,
    }
    try:
        with whole_folder(folder) as draft:
            meta["digest"] = _write_images(draft / "images.npy", images)
            if images.labels is not None:
                np.save(draft / "labels.npy", images.labels.astype(np.int64), allow_pickle=False)
            meta["record"] = _seal(meta)
            (draft / "pack.json").write_text(_text(meta), encoding="utf-8")
    except OSError as error:
        raise DataError(f"Cannot write a pack to {folder}: {error}.") from error
    return folder


def _write_images(path: Path, images: ImageSet) -> str:
    """Write `images.npy` piece by piece, which needs no more memory than one, and give the set's digest (see `ImageSet.digest`)."""
    found = images.images
    h = images.begin_digest()
    with path.open("wb") as stream:
        header = {"descr": "|u1", "fortran_order": False, "shape": tuple(found.shape)}
        np.lib.format.write_array_header_1_0(stream, header)
        for piece in found.pieces() if isinstance(found, Decoding) else pieces(found):
            data = np.ascontiguousarray(piece).data
            h.update(data)
            stream.write(data)
    return images.end_digest(h)


def pack_info(folder: str | os.PathLike[str]) -> PackInfo:
    """Read `pack.json` alone.

    Raises:
        DataError: there is no pack, or it was written by a newer version, or its description is damaged.
    """
    path = Path(folder) / "pack.json"
    try:
        meta = json.loads(read_bounded(path, MAX_RECORD), object_pairs_hook=no_twins)
    except FileNotFoundError:
        raise DataError(f"{folder} is no pack: it has no pack.json. `dazoo data pack DIR OUT` makes a pack of a folder.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({error}); make the pack again.") from error
    if not isinstance(meta, dict) or meta.get("schema") not in _READS:
        schema = meta.get("schema") if isinstance(meta, dict) else None
        raise DataError(f"{path} has schema {shown(schema)}; this version of dazoo reads schema {SCHEMA}. Make the pack again.")
    seal = meta.pop("record", None)
    if meta["schema"] != 1 and seal != _seal(meta):
        raise DataError(f"{path} is not what was written: its digest differs from the one in it. Make the pack again.")
    try:
        shape = tuple(int(n) for n in meta["shape"])
        height, width, channels = shape
        classes = tuple(str(c) for c in meta["classes"])
        return PackInfo(
            name=str(meta["name"]),
            count=int(meta["count"]),
            shape=(height, width, channels),
            classes=classes,
            labelled=bool(meta["labelled"]),
            terms=str(meta["terms"]),
            digest=str(meta["digest"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{path} lacks a field or holds a wrong one ({error!r}); make the pack again.") from error


def read_pack(folder: str | os.PathLike[str], *, verify: bool = False) -> ImageSet:
    """Open a pack; pictures are memory-mapped, so this takes milliseconds whatever the size.

    Args:
        folder: the pack.
        verify: read everything and compare its digest with the one in `pack.json`.

    Raises:
        DataError: no pack, a damaged or truncated one, or contents that are not the stored ones.
    """
    folder, info = Path(folder), pack_info(folder)
    try:
        images = _array(folder / "images.npy")
        labels = np.array(_array(folder / "labels.npy")) if info.labelled else None
    except Exception as error:  # a damaged header is handed to Python's parser, which raises what it likes
        raise DataError(f"The pack {folder} is damaged or incomplete ({error}); make it again.") from error
    if images.shape != (info.count, *info.shape):
        raise DataError(f"The pack {folder} holds images {images.shape}, but pack.json says {(info.count, *info.shape)}; make it again.")
    if labels is not None and labels.dtype != np.int64:
        raise DataError(f"The pack {folder} has labels of type {labels.dtype}; expected int64. Make it again.")
    try:
        out = ImageSet(info.name, images, labels, info.classes)
    except DataError as error:
        raise DataError(f"The pack {folder} is damaged: {error} Make it again.") from error
    if verify and out.digest() != info.digest:
        raise DataError(f"The pack {folder} is not what was written: its digest differs from the one in pack.json. Make it again.")
    return out


def _array(path: Path) -> np.ndarray:
    """An array as it lies on the disk, mapped into memory; its file's length bounds what its header may ask for."""
    if not path.is_file():  # a pipe would never end
        raise ValueError(f"{path.name} is missing, or no ordinary file")
    found = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(found, np.memmap):
        raise ValueError(f"{path.name} is no .npy file")
    return found


def _text(meta: Mapping[str, Any]) -> str:
    text = json.dumps(meta, indent=1, ensure_ascii=False) + "\n"
    try:
        text.encode()
    except UnicodeEncodeError:  # a name with bytes that are no UTF-8
        text = json.dumps(meta, indent=1) + "\n"
    return text


def _seal(meta: Mapping[str, Any]) -> str:
    """sha256 over the record without the field that holds it."""
    return hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()
