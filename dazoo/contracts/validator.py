"""The validator contract: a score of a model on target images that uses no target label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from typing import ClassVar

from torch import Tensor


@dataclass(frozen=True)
class Evidence:
    """What a validator may look at: nothing of the target but features and logits.

    Shape:
        source_features (M, C), source_logits (M, K), source_labels (M,) of held-out source images;
        target_features (N, C), target_logits (N, K).
    """

    source_features: Tensor
    source_logits: Tensor
    source_labels: Tensor
    target_features: Tensor
    target_logits: Tensor

    def __getattr__(self, name: str) -> Any:
        have = ", ".join(self.__dataclass_fields__)
        raise AttributeError(f"Evidence has no {name!r}: it is {have}; a validator sees no label of the target.")


class Validator:
    """Callable from `Evidence` to a float; higher is better, and -inf is a model that must not be chosen. NaN counts as a failure.

    One that fails is left out of the run with a warning that names it, unless it is the one that chooses.

    Attributes:
        reads_source: the score looks at the held-out source pictures too. False for one that looks at the target alone, which can then be
            taken where there is no source (`dazoo.adapt`); its source tensors are empty there.
    """

    reads_source: ClassVar[bool] = True

    def __call__(self, evidence: Evidence) -> float:
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(evidence).")
