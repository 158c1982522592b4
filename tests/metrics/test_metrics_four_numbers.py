from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dazoo.errors import DataError
from dazoo.errors import UnknownName
from dazoo.metrics.four_numbers import FourNumbers
from dazoo.metrics.four_numbers import choose
from dazoo.metrics.four_numbers import four_numbers


LABELS = np.array([0, 1, 2, 2])
EPOCHS = np.array([[0, 0, 0, 0], [0, 1, 2, 2], [0, 1, 2, 0], [0, 1, 0, 0]])  # 25, 100, 75, 50 %
SCORES = {"im": [0.1, 0.2, 0.9, 0.9], "snd": [0.5, 0.2, math.nan, -math.inf]}


def test_four_numbers_by_hand() -> None:
    run = four_numbers(EPOCHS, LABELS, SCORES, "im", source_only=0.3)
    expected = FourNumbers(0.3, 0.5, 0.75, 1.0, 4, "im", chosen_epoch=2, oracle_epoch=1, choices={"im": 0.75, "snd": 0.25})
    assert run == expected


@given(
    st.integers(1, 8).flatmap(lambda e: st.tuples(st.lists(st.floats(allow_nan=True), min_size=e, max_size=e), st.integers(0, 2**32 - 1))),
)
def test_permuting_the_target_labels_changes_no_choice(case: tuple[list[float], int]) -> None:
    values, seed = case
    rng = np.random.default_rng(seed)
    predictions, labels = rng.integers(0, 3, (len(values), 10)), rng.integers(0, 3, 10)
    runs = [four_numbers(predictions, y, {"im": values}, "im") for y in (labels, rng.permutation(labels), (labels + 1) % 3)]
    assert len({run.chosen_epoch for run in runs}) == 1
    assert all(run.oracle >= max(run.chosen, run.last) for run in runs)


@pytest.mark.parametrize(
    ("scores", "epoch"),
    [([1, 3, 3], 1), ([math.nan, -5], 1), ([math.nan, math.nan], 0), ([-math.inf, math.nan, 2], 2), ([0.0], 0)],
)
def test_the_first_best_epoch_and_never_a_nan(scores: list[float], epoch: int) -> None:
    assert choose(scores) == epoch


def test_what_does_not_fit() -> None:
    with pytest.raises(DataError, match="none empty"):
        four_numbers(EPOCHS, LABELS[:3], SCORES, "im")
    with pytest.raises(DataError, match="4 epochs"):
        four_numbers(EPOCHS, LABELS, {"im": [1.0]}, "im")
    with pytest.raises(UnknownName, match="'dev'.*im, snd"):
        four_numbers(EPOCHS, LABELS, SCORES, "dev")
    with pytest.raises(DataError, match="at least one epoch"):
        choose([])


def test_json_is_strict_about_nan() -> None:
    run = replace(four_numbers(EPOCHS, LABELS, SCORES, "im", math.nan), last=math.nan)
    data = json.loads(run.to_json(), parse_constant=pytest.fail)
    assert data["last"] is None and data["source_only"] is None
    assert (data["chosen"], data["choices"]) == (0.75, {"im": 0.75, "snd": 0.25})
