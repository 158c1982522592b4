"""What `predict` accepts: files, Pillow images, arrays and tensors, one or many, turned into float tensors in [-1, 1]."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from dazoo.data.pictures import read_picture
from dazoo.data.pixels import part_shown
from dazoo.data.pixels import resized
from dazoo.data.pixels import with_channels
from dazoo.engine.batches import normalise
from dazoo.errors import DazooError
from dazoo.errors import PictureError


ACCEPTED = "a path, a Pillow image, an array (H, W) or (H, W, C), a tensor (C, H, W), or a list or batch of those"


def is_one(pictures: Any) -> bool:
    """Whether this is a single picture rather than several."""
    if isinstance(pictures, np.ndarray | Tensor):
        return pictures.ndim < 4
    return isinstance(pictures, str | os.PathLike | Image.Image)


def each(pictures: Any) -> Iterator[tuple[str, Any]]:
    """Single pictures one after another, with what messages call them; batches inside lists are taken apart.

    Raises:
        PictureError: something that is no picture and holds none.
    """
    if is_one(pictures):
        yield "The picture", pictures
        return
    if isinstance(pictures, bytes | bytearray | Mapping) or not isinstance(pictures, Iterable):
        raise PictureError(f"A {type(pictures).__name__} is no picture; expected {ACCEPTED}.")
    if isinstance(pictures, np.ndarray | Tensor) and pictures.ndim > 4:
        raise PictureError(f"The batch has {pictures.ndim} dimensions, {tuple(pictures.shape)}; expected at most 4.")
    number = 0
    for item in pictures:
        batch = isinstance(item, np.ndarray | Tensor) and item.ndim == 4
        for picture in item if batch else (item,):
            yield f"Picture {number}", picture
            number += 1


def as_input(picture: Any, *, channels: int, size: int | None, name: str = "The picture") -> Tensor:
    """One picture as (C, H, W) float32 in [-1, 1], squashed to `size` pixels a side, or cropped to a `Cropped` one, unless that is None.

    uint8 goes the way that training pictures went. uint16 is scaled from 0..65535, bool is black and white. Floats must
    be in [-1, 1], as at every contract of dazoo. The argument is never changed.

    Raises:
        PictureError: unreadable, of an impossible shape or type, or outside its range; the message says how to mend it.
    """
    try:
        if isinstance(picture, Tensor):
            return _from_tensor(picture, channels, size)
        if isinstance(picture, np.ndarray):
            return _from_array(picture, channels, size)
        if not isinstance(picture, str | os.PathLike | Image.Image):
            raise PictureError(f"a {type(picture).__name__} is no picture; expected {ACCEPTED}.")
        if isinstance(picture, str) and picture.startswith(("http:", "https:")):
            raise PictureError(f"{picture} is an address; download it first and give the file.")
        return _to_float(read_picture(picture, size=size, channels=channels))
    except DazooError as error:
        raise PictureError(f"{name}: {error}") from error.__cause__


def _from_tensor(picture: Tensor, channels: int, size: int | None) -> Tensor:
    shape = tuple(picture.shape)
    if len(shape) == 2:
        picture = picture[None]
    if picture.ndim != 3 or picture.shape[0] not in (1, 3, 4):
        hint = " It looks like (H, W, C): give picture.permute(2, 0, 1)." if len(shape) == 3 and shape[2] in (1, 3, 4) else ""
        raise PictureError(f"a tensor of shape {shape} is no picture; expected (C, H, W) with C 1, 3 or 4.{hint}")
    values = picture.detach().cpu()
    if values.is_floating_point():
        return _from_float(values.float(), channels, size)
    return _from_array(values.permute(1, 2, 0).numpy(), channels, size)


def _from_array(picture: np.ndarray, channels: int, size: int | None) -> Tensor:
    shape, kind = picture.shape, picture.dtype
    if picture.ndim == 2:
        picture = picture[..., None]
    if picture.ndim != 3 or picture.shape[2] not in (1, 2, 3, 4):
        chw = len(shape) == 3 and shape[0] in (1, 3, 4)
        hint = " It looks like (C, H, W): give picture.transpose(1, 2, 0)." if chw else ""
        hint = hint or (" A batch of grey pictures is (N, H, W, 1): give pictures[..., None]." if len(shape) == 3 else "")
        raise PictureError(f"an array of shape {shape} is no picture; expected (H, W) or (H, W, C) with C 1, 3 or 4.{hint}")
    if 0 in picture.shape:
        raise PictureError(f"an array of shape {shape} holds no pixel.")
    if np.issubdtype(kind, np.floating):
        return _from_float(torch.from_numpy(np.array(picture, np.float32)).permute(2, 0, 1), channels, size)
    if kind == np.bool_:
        picture = picture.astype(np.uint8) * np.uint8(255)
    elif kind == np.uint16:
        picture = np.rint(picture * (255 / 65535)).astype(np.uint8)
    elif kind != np.uint8:
        if not np.issubdtype(kind, np.integer):
            raise PictureError(f"an array of type {kind} is no picture; expected uint8 0..255 or floats in [-1, 1].")
        if picture.min() < 0 or picture.max() > 255:
            raise PictureError(f"values run from {picture.min()} to {picture.max()} ({kind}); expected 0..255: scale them and give uint8.")
        picture = picture.astype(np.uint8)
    picture = np.ascontiguousarray(picture)
    if picture.shape[2] in (2, 4):  # transparency is laid on white, as for files
        with Image.fromarray(picture, "LA" if picture.shape[2] == 2 else "RGBA") as image:
            picture = read_picture(image, channels=channels)
    picture = with_channels(picture[None], channels)
    return _to_float((picture if size is None else resized(picture, size))[0])


def _from_float(picture: Tensor, channels: int, size: int | None) -> Tensor:
    """Floats (C, H, W) in [-1, 1]; values of the right size and channels pass through unchanged."""
    if picture.numel() == 0:
        raise PictureError(f"a tensor of shape {tuple(picture.shape)} holds no pixel.")
    if not torch.isfinite(picture).all():
        raise PictureError("some values are not finite; expected floats in [-1, 1].")
    low, high = picture.min().item(), picture.max().item()
    if low < -1.001 or high > 1.001:
        how = "give uint8, or picture / 127.5 - 1" if low >= 0 and high <= 255.5 else "undo its normalisation (picture * std + mean)"
        raise PictureError(f"float values run from {low:g} to {high:g}; expected [-1, 1] (from [0, 1]: 2 * picture - 1): {how}.")
    if low >= 0 and high > 0.5:
        warnings.warn("Float values lie in [0, 1]; dazoo takes [-1, 1]. If black is 0 in them, give 2 * picture - 1.", stacklevel=2)
    if picture.shape[0] == 4:
        alpha = (picture[3:] + 1) / 2
        picture = picture[:3] * alpha + (1 - alpha)
    if picture.shape[0] == 2:
        raise PictureError("a float picture has 2 channels; expected 1, 3 or 4.")
    if channels == 3 and picture.shape[0] == 1:
        picture = picture.expand(3, -1, -1)
    elif channels == 1 and picture.shape[0] == 3:
        picture = (picture * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0, keepdim=True)
    if size is not None and tuple(picture.shape[1:]) != (size, size):
        x1, y1, x2, y2 = (round(v) for v in part_shown(picture.shape[2], picture.shape[1], size))
        picture = picture[:, y1:y2, x1:x2]
        picture = F.interpolate(picture[None], (size, size), mode="bilinear", antialias=True, align_corners=False)[0]
    return picture.clamp(-1, 1)


def _to_float(picture: np.ndarray) -> Tensor:
    return normalise(torch.from_numpy(np.array(picture))[None])[0]
