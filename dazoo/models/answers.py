"""Pictures in: classes, class maps and features out."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING
from typing import Any

import torch
from torch import Tensor

from dazoo.errors import PictureError
from dazoo.errors import SettingsError
from dazoo.models.inputs import as_input
from dazoo.models.inputs import each
from dazoo.models.inputs import is_one
from dazoo.models.parts import Parts
from dazoo.models.prediction import UNKNOWN
from dazoo.models.prediction import Prediction
from dazoo.models.prediction import Predictions
from dazoo.plain import native
from dazoo.plain import whole_number


if TYPE_CHECKING:
    from torchvision.transforms.v2 import Transform

KEEPS = 0.95
"""Share of the right held-out source pictures that `unknown=True` keeps."""
MOST_PIXELS = 2**24
"""Of all pictures in one forward pass: 64 of 512 x 512. A stranger's model may say that it wants 4096 x 4096."""


class Answers(Parts):
    """A model that is asked about pictures."""

    @property
    def prepare(self) -> Callable[..., Tensor]:
        """From one picture to (C, size, size) float in [-1, 1]: what `preprocess` and `transform` have in common."""
        return partial(as_input, channels=self.channels, size=self.size)

    @property
    def transform(self) -> Transform:
        """A transform of torchvision (v2) that does what `preprocess` does, for a DataLoader of one's own.

        Raises:
            SettingsError: torchvision is not installed.
        """
        try:
            from dazoo.models.transform import Prepare
        except ModuleNotFoundError as exc:
            raise SettingsError(f"model.transform needs torchvision ({exc}): pip install 'dazoo[transforms]'.") from exc
        return Prepare(self.prepare)

    def preprocess(self, pictures: Any) -> Tensor:
        """Pictures, one or many, of any size and mode, as (N, C, size, size) float in [-1, 1] on the CPU.

        Args:
            pictures: paths, Pillow images, uint8 arrays (H, W) or (H, W, C) or (N, H, W, C), tensors (C, H, W) or
                (N, C, H, W), uint8 or float in [-1, 1], or a list of those.

        Raises:
            PictureError: something that is no picture, or out of range; the message says which and how to mend it.
        """
        made = [self.prepare(p, name=name) for name, p in each(pictures)]
        return torch.stack(made) if made else torch.empty(0, self.channels, self.size, self.size)

    def predict(self, pictures: Any, *, batch_size: int = 64, unknown: bool | float = False) -> Prediction | list[Prediction]:
        """The class of each picture; one `Prediction` for one picture, a list for several.

        Pictures are read batch by batch, so a list of a million paths needs no more memory than `batch_size` of them.

        Args:
            pictures: see `preprocess`.
            batch_size: pictures in one forward pass; fewer where they are so large that together they have over 2**24 pixels.
            unknown: answer "none of these" where a picture is too far from what the model learnt from. True turns away the farthest 5 % of
                the right held-out source pictures, and a number in (0, 1) that share of them.

        Raises:
            PictureError: see `preprocess`.
            SettingsError: a batch size below 1, a head of another width than there are classes, or `unknown` for a model that was saved
                without what it takes.
        """
        batch_size = whole_number("batch_size", batch_size)
        least = self.least_familiar(unknown)
        found = Predictions()
        with self.inference():
            for images in self._batches(pictures, batch_size):
                if least is None:
                    found += self.named(self.probabilities(self.check_width(self(self.moved(images)))))
                else:
                    out = self.read(self.moved(images))
                    familiar = self.how_familiar(out.features)
                    found += self.named(self.probabilities(self.check_width(out.logits)), familiar, least)
        return found[0] if is_one(pictures) else found

    def features(self, pictures: Any, *, batch_size: int = 64) -> Tensor:
        """The pooled features that the head reads, (N, D) float32 on the CPU; one row for each picture.

        Args:
            pictures, batch_size: see `predict`.

        Raises:
            PictureError: see `preprocess`.
        """
        batch_size = whole_number("batch_size", batch_size)
        with self.inference():
            found = [self.read(self.moved(images)).features.float().cpu() for images in self._batches(pictures, batch_size)]
        return torch.cat(found).clone() if found else torch.empty(0, self.backbone.num_features)

    def dense(self, picture: Any) -> Tensor:
        """The class map of one larger picture at its own resolution: probabilities (K, h, w) on the CPU.

        Args:
            picture: see `preprocess`; it is not resized, so objects should be about `size` pixels large in it. `places` looks at several
                sizes, and knows "none of these".

        Raises:
            PictureError: several pictures, or one that is smaller than the network takes.
            SettingsError: the backbone gives no class map, or its head has another width than there are classes.
        """
        image = self.whole(picture)
        try:
            with self.inference():
                logits = self.check_width(self.class_logits(self.position_features(self.moved(image[None]))))
                scores = self.probabilities(logits)[0]  # (K, h, w)
        except NotImplementedError as exc:
            raise SettingsError(f"The backbone {self.recipe['backbone']!r} gives no class map ({exc}); use predict().") from exc
        return scores.clone()  # outside of inference mode, so that it is a tensor like any other

    # ------------------------------------------------------------------ pieces

    def whole(self, picture: Any) -> Tensor:
        """One picture at its own resolution, (C, H, W) float in [-1, 1].

        Raises:
            PictureError: several pictures, or one that is smaller than the network takes.
        """
        if not is_one(picture):
            raise PictureError(f"dense() takes one picture, got a {type(picture).__name__}; call it for each.")
        image = as_input(picture, channels=self.channels, size=None)
        height, width = image.shape[1:]
        if min(height, width) < self.backbone.min_size:
            raise PictureError(f"The picture is {height}x{width} pixels, expected at least {self.backbone.min_size} a side; enlarge it.")
        return image

    def position_features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to the features of each position, (N, h, w, D)."""
        return self.backbone.positions(self.backbone.forward_features(images))

    def class_logits(self, features: Tensor) -> Tensor:
        """Features of positions (N, h, w, D) to the class map (N, K, h, w), with the head that the model answers with."""
        logits: Tensor = self.backbone.head(features) if self.method is None else self.method.answer(features)
        return logits.permute(0, 3, 1, 2)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits (N, K, ...) to probabilities on the CPU, by the model's temperature."""
        return (logits.float() / self.temperature).softmax(1).cpu()

    def least_familiar(self, unknown: bool | float) -> float | None:
        """What `unknown` asks for: the smallest share of a picture that is answered, or None.

        Raises:
            SettingsError: no share, or a model that was saved without what it takes.
        """
        unknown = native(unknown)
        if unknown is False or unknown is None:
            return None
        if unknown is not True and not 0 < unknown < 1:
            raise SettingsError(f"unknown is {unknown}; expected True, or the share of right source pictures to turn away, such as 0.05.")
        if self.familiar is None:
            raise SettingsError(
                f"{self.name} was saved without what tells 'none of these'; dazoo.calibrate(model, ...) adds it from labelled pictures "
                "of its source."
            )
        return 1 - KEEPS if unknown is True else float(unknown)

    def how_familiar(self, features: Tensor) -> Tensor:
        """Pooled features (..., D) to shares (...), see `Familiar`."""
        assert self.familiar is not None, "least_familiar() comes first"
        return self.familiar(features)

    def named(self, probabilities: Tensor, familiar: Tensor | None = None, least: float = 0.0) -> Predictions:
        """Probabilities (N, K) as predictions; "none of these" where `familiar` (N,) is below `least`."""
        best, rows, classes = probabilities.argmax(1).tolist(), probabilities.tolist(), self.classes
        shares = [None] * len(rows) if familiar is None else familiar.tolist()
        found = Predictions()
        for k, row, share in zip(best, rows, shares, strict=True):
            known = share is None or share >= least
            label, index = (classes[k], k) if known else (UNKNOWN, -1)
            found.append(Prediction(label, index, row[k], dict(zip(classes, row, strict=True)), share))
        return found

    def _batches(self, pictures: Any, batch_size: int) -> Iterator[Tensor]:
        side = max(self.size, getattr(self.backbone, "size", None) or 0)  # of a library's network that enlarges what it is given
        batch_size = max(1, min(batch_size, MOST_PIXELS // side**2))
        batch: list[Tensor] = []
        for name, picture in each(pictures):
            batch.append(self.prepare(picture, name=name))
            if len(batch) == batch_size:
                yield torch.stack(batch)
                batch = []
        if batch:
            yield torch.stack(batch)
