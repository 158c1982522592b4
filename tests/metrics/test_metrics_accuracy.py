from __future__ import annotations

import numpy as np
import pytest

from dazoo.errors import DataError
from dazoo.metrics.accuracy import accuracy
from dazoo.metrics.accuracy import balanced_accuracy
from dazoo.metrics.accuracy import confusion_matrix
from dazoo.metrics.accuracy import per_class_accuracy


LABELS = np.array([0, 0, 0, 0, 1, 1])
GUESSES = np.array([0, 0, 0, 1, 1, 2])


def test_by_hand() -> None:
    assert accuracy(LABELS, GUESSES) == pytest.approx(4 / 6)
    assert confusion_matrix(LABELS, GUESSES, 3).tolist() == [[3, 1, 0], [0, 1, 1], [0, 0, 0]]
    np.testing.assert_array_equal(per_class_accuracy(LABELS, GUESSES, 3), [0.75, 0.5, np.nan])
    assert balanced_accuracy(LABELS, GUESSES, 3) == pytest.approx(0.625)


def test_against_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    labels, guesses = rng.integers(0, 5, 200), rng.integers(0, 5, 200)
    np.testing.assert_array_equal(confusion_matrix(labels, guesses, 5), metrics.confusion_matrix(labels, guesses))
    assert balanced_accuracy(labels, guesses, 5) == pytest.approx(metrics.balanced_accuracy_score(labels, guesses))


@pytest.mark.parametrize(
    ("labels", "guesses", "message"),
    [([0, 1], [0], "one prediction"), ([], [], "no picture"), ([0, 3], [0, 1], "3 classes"), ([0, -1], [0, 1], "-1 to 1")],
)
def test_what_cannot_be_counted(labels: list[int], guesses: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        confusion_matrix(np.array(labels), np.array(guesses), 3)


def test_small_integers_do_not_overflow() -> None:
    labels = np.full(3, 200, np.uint8)
    assert confusion_matrix(labels, labels, 201)[200, 200] == 3
