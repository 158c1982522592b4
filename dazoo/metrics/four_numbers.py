"""The four numbers of a run: source-only, last epoch, chosen without target labels, and the oracle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field

import numpy as np

from dazoo.errors import DataError
from dazoo.errors import UnknownName
from dazoo.plain import strict_json


COLUMNS = ("source_only", "last", "chosen", "oracle")


@dataclass(frozen=True)
class FourNumbers:
    """Target accuracies of one run, in [0, 1]; epochs count from 0.

    Attributes:
        source_only: of a source-only run with the same settings and seed; None where it was not measured.
        last: of the last epoch.
        chosen: of the epoch that `validator` chose, which sees no target label.
        oracle: of the best epoch by target labels. No user could have chosen it: an upper bound, never a result.
        n_target: target pictures counted.
        validator: the validator's name.
        chosen_epoch: the epoch it chose.
        oracle_epoch: the first best epoch.
        choices: the accuracy that each validator on record would have chosen, by its name.
    """

    source_only: float | None
    last: float
    chosen: float
    oracle: float
    n_target: int
    validator: str
    chosen_epoch: int
    oracle_epoch: int
    choices: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        """Strict JSON: what is not finite becomes null."""
        return strict_json(asdict(self))


def choose(scores: Sequence[float] | np.ndarray) -> int:
    """The first epoch with the best score; one that is not a number counts as the worst. Nothing but the scores is looked at.

    Raises:
        DataError: no score.
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 1 or scores.size == 0:
        raise DataError(f"Validator scores are {scores.shape}; expected one per epoch, (E,), and at least one epoch.")
    return int(np.argmax(np.where(np.isnan(scores), -np.inf, scores)))


def four_numbers(
    predictions_per_epoch: np.ndarray,
    labels: np.ndarray,
    validator_scores: Mapping[str, Sequence[float] | np.ndarray],
    validator: str,
    source_only: float | None = None,
) -> FourNumbers:
    """Count what the epochs of one run got right. The labels are read here, after every choice has been made.

    Args:
        predictions_per_epoch: (E, N) int, class indices for the N target pictures after each epoch.
        labels: (N,) int.
        validator_scores: (E,) scores by validator name.
        validator: the one that chooses.
        source_only: accuracy of the source-only twin, or None.

    Raises:
        DataError: shapes that do not fit each other.
        UnknownName: a validator without scores.
    """
    predictions, labels = np.asarray(predictions_per_epoch), np.asarray(labels)
    if predictions.ndim != 2 or predictions.size == 0 or labels.shape != predictions.shape[1:]:
        raise DataError(f"Predictions are {predictions.shape} and labels {labels.shape}; expected (E, N) and (N,), none empty.")
    wrong = {n: len(s) for n, s in validator_scores.items() if len(s) != len(predictions)}
    if wrong:
        raise DataError(f"There are {len(predictions)} epochs of predictions, but as many scores as {wrong}; expected one per epoch.")
    if validator not in validator_scores:
        known = ", ".join(sorted(validator_scores)) or "none"
        raise UnknownName(f"Validator {validator!r} has no scores in this run; there are scores of: {known}.")
    epochs = {name: choose(scores) for name, scores in validator_scores.items()}
    accuracies = (predictions == labels).mean(1)  # (E,)
    best = int(np.argmax(accuracies))
    if source_only is not None and math.isnan(source_only):
        source_only = None
    return FourNumbers(
        source_only=source_only,
        last=float(accuracies[-1]),
        chosen=float(accuracies[epochs[validator]]),
        oracle=float(accuracies[best]),
        n_target=len(labels),
        validator=validator,
        chosen_epoch=epochs[validator],
        oracle_epoch=best,
        choices={name: float(accuracies[e]) for name, e in epochs.items()},
    )
