"""What a model says about pictures, in a form that fits a screen."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any


UNKNOWN = "none of these"
"""The label of a picture that is too far from what the model learnt from."""

_SHOWN_CLASSES, _SHOWN_PICTURES = 3, 20


@dataclass(frozen=True, repr=False)
class Prediction:
    """What a model says about one picture.

    Attributes:
        label: the most probable class, or "none of these". index: its place in `Model.classes`, -1 for none of them.
        score: probability of the most probable class.
        scores: probability of every class, by name, in the order of `Model.classes`.
        familiar: share of the held-out source pictures, among those that the model reads right, which lie farther from what it learnt from,
            0 to 1; None unless `unknown` was asked for.
    """

    label: str
    index: int
    score: float
    scores: Mapping[str, float]
    familiar: float | None = None

    @property
    def unknown(self) -> bool:
        """Whether the answer is "none of these"."""
        return self.index < 0

    def top(self, n: int = _SHOWN_CLASSES) -> list[tuple[str, float]]:
        """The n most probable classes with their probabilities, best first."""
        return sorted(self.scores.items(), key=lambda item: -item[1])[:n]

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)

    def __repr__(self) -> str:
        best = ", ".join(f"{textwrap.shorten(label, 24, placeholder='...')} {score:.3f}" for label, score in self.top())
        return f"Prediction({f'{UNKNOWN}; nearest: ' if self.unknown else ''}{best})"


class Predictions(list[Prediction]):
    """A list of predictions that prints one per line."""

    def __repr__(self) -> str:
        lines = [f"{i}: {p!r}" for i, p in enumerate(self[:_SHOWN_PICTURES])]
        more = [f"... and {len(self) - _SHOWN_PICTURES} more"] if len(self) > _SHOWN_PICTURES else []
        return "\n".join([*lines, *more]) or "[]"
