"""What is where in a picture larger than those a model was trained on: windows of several sizes, and none of them at all.

Each size is one pass over the picture, scaled so that windows of that size are as large as training pictures. The mean of the features of a
window's positions is what the network pools from a crop of it, so class scores and familiarity of every window come from one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from dazoo.errors import SettingsError
from dazoo.models.answers import Answers


SURE = 0.5
"""Smallest class score of a place."""
NEAR = 0.4
"""Smallest familiarity of a place. A picture has thousands of windows, so the one in twenty of a single crop would be far too many;
docs/scores.md has the numbers."""
MOST_PIXELS = 2_000_000
"""Pixels of one pass."""
_STEP = 2**0.5
_OVERLAP = 0.2
_READ = 64
"""Windows that are cut out and read again."""
_SHIFTS = ((0.0, 0.0), (-0.12, 0.0), (0.12, 0.0), (0.0, -0.12), (0.0, 0.12))
"""Parts of its side by which a box is moved to find where it fits best: windows stand some pixels apart."""
_FACTORS = (0.85, 1.0, 1.18)
"""Factors on the side of a box at which its crop must be read alike."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""


@dataclass(frozen=True)
class Place:
    """An object in a larger picture.

    Attributes:
        label, index, score, familiar: as in `Prediction`, of the crop that `box` cuts out.
        box: left, top, right, bottom in pixels of the picture.
    """

    label: str
    index: int
    score: float
    familiar: float | None
    box: Box


@dataclass(frozen=True)
class Scene:
    """What a model sees in a larger picture.

    Attributes:
        places: best first; they overlap little.
        heat: (K, h, w) in [0, 1], the score of each class at each point of a grid over the picture: the highest of the windows around it
            that are as like the training pictures as the windows of the places are, 0 where none is.
        sizes: sides of the windows that were looked at, in pixels of the picture.
        near: the smallest familiarity, or None for a model that cannot tell "none of these": every window belongs to some class then.
    """

    places: tuple[Place, ...]
    heat: Tensor
    sizes: tuple[float, ...]
    near: float | None


@dataclass(frozen=True)
class _Level:
    """The windows of one size: side in pixels, scores (K, h, w), cosine with the training features (h, w), centres in pixels (w,), (h,)."""

    side: float
    scores: Tensor
    like: Tensor
    x: Tensor
    y: Tensor


class Looks(Answers):
    """A model that looks for its classes in larger pictures."""

    def places(
        self,
        picture: Any,
        *,
        sizes: Sequence[float] | None = None,
        near: float = NEAR,
        sure: float = SURE,
        most: int = 8,
    ) -> Scene:
        """The objects of a larger picture, each with its box; none where nothing is like the training pictures.

        Every place is read again as crops of a little more and a little less, and stays only if they give one class.

        Args:
            picture: one picture, see `preprocess`.
            sizes: sides of objects to look for, pixels; from half of `size` to the whole picture unless given.
            near: smallest familiarity (see `Familiar`): the share of the right held-out source pictures that may be missed for it.
            sure: smallest class score.
            most: largest number of places.

        Raises:
            PictureError: several pictures, or one that is smaller than the network takes.
            SettingsError: the backbone gives no class map, or its head has another width than there are classes.
        """
        image = self.whole(picture)
        height, width = image.shape[1:]
        knows = self.familiar is not None
        wanted = _sizes(self.size, height, width) if sizes is None else tuple(sizes)
        with self.inference():
            levels = [level for side in wanted if (level := self._level(image, side)) is not None]
        rows = _candidates(levels, sure)
        found: list[Place] = []
        like = []
        for start in range(0, min(len(rows), _READ), most):
            for rank, place in self._read_again(image, rows[start : start + most], near if knows else 0.0, sure):
                if len(found) < most and all(_overlap(place.box, other.box) < _OVERLAP for other in found):
                    found.append(place)
                    like.append(rank)
        found.sort(key=lambda p: -p.score)
        heat = _heat(levels, len(self.classes), (height, width), min(like, default=2.0))
        return Scene(tuple(found), heat, wanted, near if knows else None)

    def _level(self, image: Tensor, side: float) -> _Level | None:
        """Windows of one size; None where the picture has no room for one."""
        height, width = image.shape[1:]
        scaled = [round(n * self.size / side) for n in (height, width)]
        if min(scaled) < max(self.size, self.backbone.min_size) or scaled[0] * scaled[1] > MOST_PIXELS:
            return None
        view = F.interpolate(image[None], scaled, mode="bilinear", antialias=True, align_corners=False)
        try:
            features = self.position_features(self.moved(view)).permute(0, 3, 1, 2).float()  # (1, D, h, w)
        except NotImplementedError as exc:
            raise SettingsError(f"The backbone {self.recipe['backbone']!r} gives no class map ({exc}); use predict().") from exc
        cells = [max(1, round(self.size * n / m)) for n, m in zip(features.shape[2:], scaled, strict=True)]
        pooled = F.avg_pool2d(features, cells, stride=1).permute(0, 2, 3, 1)  # (1, h, w, D)
        scores = self.probabilities(self.check_width(self.class_logits(self.moved(pooled))))[0]
        like = self.familiar.raw(pooled)[0] if self.familiar is not None else scores.amax(0)
        centres = [
            (torch.arange(m) + cell / 2) * (whole / n)
            for m, cell, n, whole in zip(scores.shape[1:], cells, features.shape[2:], (height, width), strict=True)
        ]
        return _Level(side, scores, like, centres[1], centres[0])

    def _read_again(self, image: Tensor, rows: Sequence[tuple[float, Box]], near: float, sure: float) -> list[tuple[float, Place]]:
        """The places among windows, with their ranks. The crop decides, since a window also sees what lies around it: moved to where it
        fits best, and cut a little narrower and wider, it must be read as one class, surely enough, and be familiar."""
        moved = [[_shifted(box, dx, dy) for dx, dy in _SHIFTS] for _, box in rows]
        scores, familiar = self._crops(image, moved)
        fit = scores.amax(2) if familiar is None else familiar + 1e-3 * scores.amax(2)  # (B, shifts)
        boxes = [options[int(best)] for options, best in zip(moved, fit.argmax(1), strict=True)]
        scores, familiar = self._crops(image, [[_scaled(box, factor) for factor in _FACTORS] for box in boxes])
        found = []
        for i, box in enumerate(boxes):
            score, index = scores[i].mean(0).max(0)
            share = None if familiar is None else float(familiar[i].median())
            agree = bool((scores[i].argmax(1) == index).all())
            if agree and float(score) >= sure and (share is None or share >= near):
                found.append((rows[i][0], Place(self.classes[int(index)], int(index), float(score), share, box)))
        return found

    def _crops(self, image: Tensor, boxes: Sequence[Sequence[Box]]) -> tuple[Tensor, Tensor | None]:
        """Scores (B, V, K) and familiarity (B, V) of what boxes, B places in V variants, cut out of an image."""
        crops = torch.stack([_crop(image, box, self.size) for variants in boxes for box in variants])
        with self.inference():
            out = self.read(self.moved(crops))
            scores = self.probabilities(self.check_width(out.logits)).view(len(boxes), len(boxes[0]), -1)
            return scores, self.familiar(out.features).view(scores.shape[:2]) if self.familiar is not None else None


def _shifted(box: Box, x: float, y: float) -> Box:
    """A box moved by parts of its side."""
    side = box[2] - box[0]
    return (box[0] + x * side, box[1] + y * side, box[2] + x * side, box[3] + y * side)


def _scaled(box: Box, factor: float) -> Box:
    """A box enlarged around its middle."""
    more = (factor - 1) * (box[2] - box[0]) / 2
    return (box[0] - more, box[1] - more, box[2] + more, box[3] + more)


def _crop(image: Tensor, box: Box, size: int) -> Tensor:
    """What a box cuts out of an image (C, H, W), as (C, size, size)."""
    height, width = image.shape[1:]
    left, top = (max(0, min(round(low), n - 1)) for low, n in ((box[0], width), (box[1], height)))
    right, bottom = (max(low + 1, min(round(high), n)) for low, high, n in ((left, box[2], width), (top, box[3], height)))
    crop = image[None, :, top:bottom, left:right]
    return F.interpolate(crop, (size, size), mode="bilinear", antialias=True, align_corners=False)[0].clamp(-1, 1)


def _sizes(size: int, height: int, width: int) -> tuple[float, ...]:
    """Sides from half of the training size to the picture's shorter side, each larger by the square root of two."""
    least = max(size / 2, size * (height * width / MOST_PIXELS) ** 0.5)
    found = [least]
    while found[-1] * _STEP <= min(height, width):
        found.append(found[-1] * _STEP)
    return tuple(found)


def _candidates(levels: Sequence[_Level], sure: float) -> list[tuple[float, Box]]:
    """Windows that are read surely and that no neighbour of their level surpasses: rank and box, best first."""
    rows = []
    for level in levels:
        rank = torch.where(level.scores.amax(0) >= sure, level.like, -1.0)
        peak = (rank > -1) & (rank == F.max_pool2d(rank[None], 3, stride=1, padding=1)[0])
        for row, column in peak.nonzero().tolist():
            x, y, half = float(level.x[column]), float(level.y[row]), level.side / 2
            rows.append((float(rank[row, column]), (x - half, y - half, x + half, y + half)))
    return sorted(rows, key=lambda r: -r[0])


def _heat(levels: Sequence[_Level], classes: int, shape: tuple[int, int], least: float) -> Tensor:
    """The highest score of the windows that are as like as `least` around each point of a grid, about 120 along the longer side."""
    step = max(shape) / 120
    grid = (max(1, round(shape[0] / step)), max(1, round(shape[1] / step)))
    heat = torch.zeros(classes, *grid)
    for level in levels:
        passing = torch.where(level.like >= least, level.scores, 0.0)
        xs, ys = (torch.linspace(0, n, m + 1)[:-1] + n / m / 2 for n, m in zip(shape[::-1], grid[::-1], strict=True))
        # each point takes the nearest window, if that window covers it
        column = (level.x[None] - xs[:, None]).abs().min(1)
        row = (level.y[None] - ys[:, None]).abs().min(1)
        covered = (row.values <= level.side / 2)[:, None] & (column.values <= level.side / 2)[None]
        heat = torch.maximum(heat, passing[:, row.indices][:, :, column.indices] * covered)
    return heat


def _overlap(a: Box, b: Box) -> float:
    """Area of the intersection over that of the smaller box."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return max(0.0, width) * max(0.0, height) / smaller
