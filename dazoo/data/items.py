"""Data sets of other libraries as pictures: torch's map-style ones, torchvision's, Hugging Face's; none of the libraries is imported."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import cast

import numpy as np
from PIL import Image

from dazoo.contracts import rows
from dazoo.contracts.images import ImageSet
from dazoo.data.cache import cached
from dazoo.data.cache import files_key
from dazoo.data.decoding import Decoding
from dazoo.data.listing import Listing
from dazoo.data.paths import cache_dir
from dazoo.data.pictures import read_picture
from dazoo.errors import DataError
from dazoo.errors import PictureError
from dazoo.plain import native


PICTURES = ("image", "img", "picture", "pixel_values")
LABELS = ("label", "labels", "target", "class", "fine_label")
"""Keys of items that are mappings, and columns."""


class Items(Listing):
    """A data set with a length and items, each of which is asked for once.

    Args:
        name: what messages call it.
        items: the data set.
        labels: a name for each item, where they are known without asking for the items.
        order: class names in index order, where the data set has them.
    """

    def __init__(self, name: str, items: Any, *, labels: Sequence[str | None] | None = None, order: Sequence[str] | None = None) -> None:
        super().__init__(name, (), labels, order=order, place=lambda i: f"{name}, item {i}")
        self.items = items
        self.loaded: tuple[int, int, np.ndarray] | None = None

    @classmethod
    def of(cls, items: Any) -> Items:
        """A data set of a person's, with what it says of its classes: `classes` (torchvision), or `features` (Hugging Face)."""
        features = getattr(items, "features", None)
        if not (isinstance(features, Mapping) and hasattr(items, "column_names")):
            return cls(type(items).__name__, items, order=_words(getattr(items, "classes", None)))
        column = _column(features, LABELS, "ClassLabel")
        names = _words(getattr(features[column], "names", None)) if column else None
        values = native(list(items[column])) if column else None
        return cls(str(getattr(items, "info", None) and items.info.dataset_name or "dataset"), items,
                   labels=values and [_label(v, names) for v in values], order=names)  # fmt: skip

    def __len__(self) -> int:
        return len(self.items)

    def load(self, size: int, channels: int) -> np.ndarray:
        if self.loaded is None or self.loaded[:2] != (size, channels):
            self.loaded = (size, channels, self._load(size, channels))
        return self.loaded[2]

    def picture(self, i: int) -> Image.Image:
        """Item i as Pillow has it."""
        return as_image(parts(self.items[i])[0])

    def label(self, i: int) -> str | None:
        """Name of the class of item i, which is asked for."""
        return _label(native(parts(self.items[i])[1]), self.order)

    def short_side(self, i: int) -> int:
        return min(self.picture(i).size)

    def short_sides(self, most: int) -> list[int]:
        return super().short_sides(min(most, 16))  # each is decoded whole

    def known(self) -> list[str | None]:
        if self.labels is None and self.loaded is None:
            return [None] * len(self)
        return super().known()

    def _load(self, size: int, channels: int) -> np.ndarray:
        count = len(self)
        if not count:
            raise DataError(f"{self.name} holds no item.")
        labels: list[str | None] = [None] * count

        def read(i: int) -> np.ndarray:
            try:
                picture, label = parts(self.items[i])
                labels[i] = _label(native(label), self.order)
                return read_picture(as_image(picture), size=size, channels=channels)
            except (PictureError, DataError) as error:
                raise PictureError(f"{self.place(i)}: {error}") from error

        decoding = Decoding(count, read, size=size, channels=channels)
        fingerprint = getattr(self.items, "_fingerprint", None)
        if isinstance(fingerprint, str) and self.labels is not None:
            key = files_key((), "items", fingerprint, size, channels)
            return cached("items", key, lambda: ImageSet(self.name, cast("np.ndarray", decoding), None, ())).images
        pictures = np.asarray(decoding) if np.prod(decoding.shape) <= rows.RESIDENT else _on_disk(decoding)
        if self.labels is None and any(labels):
            self.labels = labels
        return pictures


def is_items(thing: Any) -> bool:
    """Whether it has a length and items that are not pixels."""
    pixels = isinstance(thing, Mapping | np.ndarray | bytes | str | Image.Image) or hasattr(thing, "detach")
    return hasattr(thing, "__len__") and hasattr(thing, "__getitem__") and not pixels


def saved_items(folder: Path) -> Items | None:
    """A folder that `datasets.Dataset.save_to_disk` wrote, or None for any other.

    Raises:
        DataError: it holds several splits, or `datasets` is not installed.
    """
    if (folder / "dataset_dict.json").is_file():
        inner = ", ".join(sorted(p.name for p in folder.iterdir() if p.is_dir()))
        raise DataError(f"{folder} holds the splits {inner} of a data set; name the folder of one of them.")
    if not ((folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()):
        return None
    try:
        from datasets import load_from_disk  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise DataError(f"{folder} was saved by the library datasets, which is not installed: pip install 'dazoo[datasets]'.") from error
    found = Items.of(load_from_disk(os.fspath(folder)))
    return Items(folder.name, found.items, labels=found.labels, order=found.order)


def parts(item: Any) -> tuple[Any, Any]:
    """Picture and label of an item; the label is None where it has none.

    Raises:
        DataError: a mapping without a picture.
    """
    if isinstance(item, Mapping):
        key = _column(item, PICTURES, "")
        if key is None:
            raise DataError(f"it has the keys {', '.join(map(str, item))}; expected a picture under one of {', '.join(PICTURES)}")
        label = _column(item, LABELS, "")
        return item[key], None if label is None else item[label]
    if isinstance(item, tuple | list):
        return (item[0], item[1]) if len(item) > 1 else (item[0], None)
    return item, None


def as_image(picture: Any) -> Image.Image:
    """A picture of an item for Pillow: a Pillow image, a file, an array (H, W) or (H, W, C), or a tensor (C, H, W), uint8 or in [0, 1].

    Raises:
        PictureError: another shape or range, or something that is no picture.
    """
    if isinstance(picture, Image.Image):
        return picture
    if isinstance(picture, Mapping) and (picture.get("bytes") or picture.get("path")):  # a Hugging Face image that is not decoded
        picture = picture.get("path") or picture["bytes"]
    if isinstance(picture, str | os.PathLike | bytes):
        return Image.fromarray(read_picture(picture))
    if hasattr(picture, "detach"):  # a torch tensor
        picture = picture.detach().cpu().numpy()
        picture = picture.transpose(1, 2, 0) if picture.ndim == 3 else picture
    if not isinstance(picture, np.ndarray):
        raise PictureError(f"a {type(picture).__name__} is no picture; expected a Pillow image, a file, an array or a tensor")
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[..., 0]
    if picture.ndim not in (2, 3) or picture.ndim == 3 and picture.shape[2] not in (3, 4) or 0 in picture.shape:
        raise PictureError(f"an array of shape {picture.shape} is no picture; expected (H, W) or (H, W, C), or a tensor (C, H, W)")
    if np.issubdtype(picture.dtype, np.floating):
        low, high = float(picture.min()), float(picture.max())
        if not (low >= -1e-4 and high <= 1 + 1e-4):
            raise PictureError(f"float values run from {low:.3g} to {high:.3g}; expected [0, 1]: leave Normalize out of the transform")
        picture = np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
    elif picture.dtype != np.uint8:
        raise PictureError(f"values are {picture.dtype}; expected uint8 0..255, or floats in [0, 1]")
    return Image.fromarray(np.ascontiguousarray(picture))


def _label(value: Any, names: Sequence[str] | None) -> str | None:
    """A label by name. Numbers without names stand for themselves; -1 is no label, as Hugging Face writes it."""
    if value is None or value == -1:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and names is not None:
        if value >= len(names):
            raise DataError(f"label {value}, but there are {len(names)} class names")
        return names[value]
    if isinstance(value, int | str) or isinstance(value, float) and value.is_integer():
        return str(int(value) if isinstance(value, float) else value)
    raise DataError(f"its label is a {type(value).__name__}; expected a number or a name")


def _column(found: Mapping[Any, Any], names: Sequence[str], kind: str) -> str | None:
    """The key of a picture or label: by name, else of the only feature of a kind."""
    by_name = [n for n in names if n in found]
    of_kind = [key for key, feature in found.items() if kind and type(feature).__name__ == kind]
    return (by_name or of_kind or [None])[0]


def _words(names: Any) -> list[str] | None:
    return [str(n) for n in names] if isinstance(names, list | tuple) and names else None


def _on_disk(decoding: Decoding) -> np.ndarray:
    """All pictures in a file without a name, which is gone when nobody holds it."""
    where: Path | None = cache_dir()
    try:
        os.makedirs(cache_dir(), exist_ok=True)
    except OSError:
        where = None  # the system's folder, which may be in memory
    with tempfile.TemporaryFile(dir=where) as file:
        for piece in decoding.pieces():
            file.write(piece.data)
        file.flush()
        return np.memmap(file, np.uint8, "r", shape=decoding.shape)
