"""What goes into a run and what is seen of it: pictures without target labels, and the record of its epochs."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

from torch import Tensor

from dazoo.contracts.images import ImageSet
from dazoo.errors import TrainingError


@dataclass(frozen=True)
class TrainingData:
    """What training may see. The target sets hold no labels: `__post_init__` refuses any."""

    source_train: ImageSet | None
    source_test: ImageSet | None
    target_train: ImageSet
    target_test: ImageSet

    def __post_init__(self) -> None:
        for images in (self.target_train, self.target_test):
            if images.labels is not None:
                raise TrainingError(f"{images.name} still has its labels; training sees target images through .unlabelled() only.")


@dataclass
class History:
    """What was seen at the end of each epoch: target predictions (N,), label-free scores, and the last loss terms."""

    predictions: list[Tensor] = field(default_factory=list)
    scores: list[dict[str, float]] = field(default_factory=list)
    terms: list[dict[str, float]] = field(default_factory=list)
