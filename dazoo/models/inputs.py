"""What `predict` accepts: files, bytes, Pillow images, arrays and tensors, one or many, turned into float tensors in [-1, 1].

The answer must not depend on what carries a picture, so all of them go one way: as uint8 through `dazoo.data.read_picture`, which turns,
composes, greys and resizes. Floats alone that have the wanted size and channels already are passed on as they are.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dazoo.data.pictures import read_picture
from dazoo.engine.batches import normalise
from dazoo.errors import DazooError
from dazoo.errors import PictureError
from dazoo.plain import expanded


ACCEPTED = "a path, the bytes of a file, a Pillow image, an array (H, W) or (H, W, C), a tensor (C, H, W), or a list or batch of those"


def is_one(pictures: Any) -> bool:
    """Whether this is a single picture rather than several."""
    pictures = _as_array(pictures)
    if isinstance(pictures, np.ndarray | Tensor):
        return pictures.ndim < 4
    return isinstance(pictures, str | os.PathLike | Image.Image | bytes | bytearray | memoryview) or _is_file(pictures)


def each(pictures: Any) -> Iterator[tuple[str, Any]]:
    """Single pictures one after another, with what messages call them; batches inside lists are taken apart.

    Raises:
        PictureError: something that is no picture and holds none.
    """
    pictures = _as_array(pictures)
    if is_one(pictures):
        yield "The picture", pictures
        return
    if isinstance(pictures, Mapping) or not isinstance(pictures, Iterable):
        raise PictureError(f"A {type(pictures).__name__} is no picture; expected {ACCEPTED}.")
    if isinstance(pictures, np.ndarray | Tensor) and pictures.ndim > 4:
        raise PictureError(f"The batch has {pictures.ndim} dimensions, {tuple(pictures.shape)}; expected at most 4.")
    number = 0
    for item in pictures:
        item = _as_array(item)
        batch = isinstance(item, np.ndarray | Tensor) and item.ndim == 4
        for picture in item if batch else (item,):
            yield f"Picture {number}", picture
            number += 1


def as_input(picture: Any, *, channels: int, size: int | None, name: str = "The picture") -> Tensor:
    """One picture as (C, H, W) float32 in [-1, 1], squashed to `size` pixels a side, or cropped to a `Cropped` one, unless that is None.

    uint8 goes the way that training pictures went. uint16 is scaled from 0..65535, bool is black and white. Floats must
    be in [-1, 1], as at every contract of dazoo; those that must be resized, composed or greyed are rounded to 8 bits first, so
    that they give what the same picture gives as uint8. The argument is never changed.

    Raises:
        PictureError: unreadable, of an impossible shape or type, or outside its range; the message says how to mend it.
    """
    try:
        picture = _as_array(picture)
        if isinstance(picture, Tensor):
            picture = _from_tensor(picture)
        if isinstance(picture, np.ndarray):
            return _from_array(picture, channels, size)
        if isinstance(picture, str | os.PathLike):
            picture = _path(picture)
        elif not isinstance(picture, Image.Image | bytes | bytearray | memoryview) and not _is_file(picture):
            raise PictureError(f"a {type(picture).__name__} is no picture; expected {ACCEPTED}.")
        return _to_float(read_picture(picture, size=size, channels=channels))
    except DazooError as error:
        raise PictureError(f"{name}: {error}") from error.__cause__


def _as_array(picture: Any) -> Any:
    """Arrays of other libraries (JAX, TensorFlow) as NumPy's."""
    known = np.ndarray | Tensor | Image.Image | str | os.PathLike | Mapping
    if isinstance(picture, known) or not hasattr(picture, "__array__") or isinstance(picture, np.generic):
        return picture
    return np.asarray(picture)


def _is_file(picture: Any) -> bool:
    """Whether it is a file opened for bytes."""
    return callable(getattr(picture, "read", None)) and not hasattr(picture, "encoding")


def _path(picture: str | os.PathLike[str]) -> Path | str:
    text = os.fspath(picture)
    if not isinstance(text, str):
        text = os.fsdecode(text)
    if text.startswith(("http:", "https:")):
        raise PictureError(f"{text} is an address; download it first and give the file.")
    return expanded(text)


def _from_tensor(picture: Tensor) -> np.ndarray:
    """A tensor (C, H, W) as an array (H, W, C) of the same values."""
    shape = tuple(picture.shape)
    if len(shape) == 2:
        picture = picture[None]
    if picture.ndim != 3 or picture.shape[0] not in (1, 3, 4):
        hint = " It looks like (H, W, C): give picture.permute(2, 0, 1)." if len(shape) == 3 and shape[2] in (1, 3, 4) else ""
        raise PictureError(f"a tensor of shape {shape} is no picture; expected (C, H, W) with C 1, 3 or 4.{hint}")
    try:
        values = picture.detach().cpu()
        values = (values.to_dense() if values.is_sparse else values.dequantize() if values.is_quantized else values).resolve_conj()
        if values.is_floating_point():
            values = values.float()
        return values.resolve_neg().permute(1, 2, 0).numpy()
    except (RuntimeError, NotImplementedError, TypeError) as error:  # a tensor without values ("meta"), of a kind that NumPy lacks
        raise PictureError(
            f"a tensor of type {picture.dtype} on {picture.device} gives no values ({str(error).splitlines()[0]})."
        ) from error


def _from_array(picture: np.ndarray, channels: int, size: int | None) -> Tensor:
    picture = np.asarray(picture)  # a matrix, a map of a file or an array with a mask is an array like any other
    shape = picture.shape
    if picture.ndim == 2:
        picture = picture[..., None]
    if picture.ndim != 3 or picture.shape[2] not in (1, 2, 3, 4):
        chw = len(shape) == 3 and shape[0] in (1, 3, 4)
        hint = " It looks like (C, H, W): give picture.transpose(1, 2, 0)." if chw else ""
        hint = hint or (" A batch of grey pictures is (N, H, W, 1): give pictures[..., None]." if len(shape) == 3 else "")
        raise PictureError(f"an array of shape {shape} is no picture; expected (H, W) or (H, W, C) with C 1, 3 or 4.{hint}")
    if 0 in picture.shape:
        raise PictureError(f"an array of shape {shape} holds no pixel.")
    if np.issubdtype(picture.dtype, np.floating):
        picture = _checked_floats(picture)
        same = size is None or picture.shape[:2] == (size, size)
        if same and picture.shape[2] in (1, 3) and picture.shape[2] <= channels:
            return torch.from_numpy(np.array(picture)).permute(2, 0, 1).expand(channels, -1, -1).clamp(-1, 1)
        picture = np.rint((picture.astype(np.float64) + 1) * 127.5)
        picture = picture.clip(0, 255).astype(np.uint8)
    pixels = np.ascontiguousarray(_to_uint8(picture))
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
    with Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes()) as image:
        return _to_float(read_picture(image, size=size, channels=channels))


def _to_uint8(picture: np.ndarray) -> np.ndarray:
    """Samples of any whole type as 0..255."""
    kind = picture.dtype
    if kind == np.uint8:
        return picture
    if kind == np.bool_:
        return picture.astype(np.uint8) * np.uint8(255)
    if kind.newbyteorder("=") == np.uint16:
        return np.rint(picture * (255 / 65535)).astype(np.uint8)
    if not np.issubdtype(kind, np.integer):
        raise PictureError(f"an array of type {kind} is no picture; expected uint8 0..255 or floats in [-1, 1].")
    if picture.min() < 0 or picture.max() > 255:
        raise PictureError(f"values run from {picture.min()} to {picture.max()} ({kind}); expected 0..255: scale them and give uint8.")
    return picture.astype(np.uint8)


def _checked_floats(picture: np.ndarray) -> np.ndarray:
    """Floats (H, W, C) as float32 in [-1, 1].

    Raises:
        PictureError: they are not in that range, or two channels that nobody can name.
    """
    with np.errstate(over="ignore"):
        picture = picture.astype(np.float32)
    if not np.isfinite(picture).all():
        raise PictureError("some values are not finite; expected floats in [-1, 1].")
    low, high = float(picture.min()), float(picture.max())
    if low < -1.001 or high > 1.001:
        how = "give uint8, or picture / 127.5 - 1" if low >= 0 and high <= 255.5 else "undo its normalisation (picture * std + mean)"
        raise PictureError(f"float values run from {low:g} to {high:g}; expected [-1, 1] (from [0, 1]: 2 * picture - 1): {how}.")
    if low >= 0 and high > 0.5:
        warnings.warn("Float values lie in [0, 1]; dazoo takes [-1, 1]. If black is 0 in them, give 2 * picture - 1.", stacklevel=2)
    if picture.shape[2] == 2:
        raise PictureError("a float picture has 2 channels; expected 1, 3 or 4.")
    return picture


def _to_float(picture: np.ndarray) -> Tensor:
    return normalise(torch.from_numpy(np.array(picture))[None])[0]
