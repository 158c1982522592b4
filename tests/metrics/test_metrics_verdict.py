"""The rules of a verdict, on numbers that fall on either side of each threshold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from dazoo.metrics.seen import Seen
from dazoo.metrics.seen import difference
from dazoo.metrics.seen import effective
from dazoo.metrics.seen import folds
from dazoo.metrics.trend import churn
from dazoo.metrics.trend import falling
from dazoo.metrics.trend import task_losses
from dazoo.metrics.verdict import Case
from dazoo.metrics.verdict import Verdict
from dazoo.metrics.verdict import at_least
from dazoo.metrics.verdict import judge


SEVEN = ("dog", "elephant", "giraffe", "guitar", "horse", "house", "person")
GOOD = {"held_out": (6,) * 7, "right": (6, 5, 6, 6, 5, 6, 6)}


def seen(predicted, **changes) -> Seen:
    return Seen(tuple(predicted), **{**GOOD, **changes})


def state(predicted, counts=(54,) * 7, **changes) -> str:
    return judge(Case(SEVEN, counts, seen(predicted, **changes))).state


def test_the_run_of_the_newcomer_is_collapsed_and_says_what_is_called_what():
    """277 of 280 sketches were called house; half of the held-out source was right."""
    found = judge(Case(SEVEN, (54,) * 7, seen((0, 0, 0, 3, 0, 277, 0), right=(3,) * 7)))
    assert found.sentence == "277 of 280 target pictures are called house (14.3 % of the source pictures are); do not use it"
    assert [f.state for f in found.findings] == ["collapsed", "underfit"] and not found.usable
    assert "50.0 % of 42 pictures" in found.findings[1].sentence
    assert any("_pretrained" in step for step in found.next) and any("dazoo doctor" in step for step in found.next)


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        ((40,) * 7, "works"),
        ((160, 20, 20, 20, 20, 20, 20), "works"),  # 57 %: a target of its own shares
        ((215, 15, 15, 10, 10, 10, 5), "lopsided"),
        ((250, 10, 10, 10, 0, 0, 0), "collapsed"),
        ((140, 140, 0, 0, 0, 0, 0), "collapsed"),  # two answers of seven, and half of the pictures each
        ((6, 0, 0, 0, 0, 0, 0), "collapsed"),  # 6 of 6 by chance is one in 100,000
        ((2, 0, 0, 0, 0, 0, 0), "works"),  # two pictures prove nothing
    ],
)
def test_collapse_by_share_and_by_effective_number(predicted, expected):
    assert state(predicted) == expected


def test_collapse_is_measured_against_the_source():
    two = ("car", "van")
    rare = Seen((96, 4), held_out=(19, 1), right=(19, 1))
    assert judge(Case(two, (50, 50), Seen((88, 12), (10, 10), (10, 10)))).state == "works"
    assert judge(Case(two, (50, 50), Seen((97, 3), (10, 10), (10, 10)))).state == "collapsed"
    assert judge(Case(two, (950, 50), rare)).state == "works"  # the source is like that too
    many = tuple(f"c{i}" for i in range(65))
    partial = [20] * 12 + [0] * 53  # a target that has a part of the classes
    held = {"held_out": (2,) * 65, "right": (2,) * 65}
    assert judge(Case(many, (40,) * 65, Seen(tuple(partial), **held))).state == "lopsided"
    assert judge(Case(many, (40,) * 65, Seen((100, 80, 60, *[0] * 62), **held))).state == "collapsed"


def test_lopsided_says_how_many_answers_can_be_right():
    """Cartoons that a network of photographs called guitar; it read 32.6 % of them."""
    found = judge(Case(SEVEN, (54,) * 7, seen((40, 3, 30, 283, 20, 34, 10))))
    assert found.state == "lopsided" and found.usable and found.doubtful
    assert "guitar is 67.4 % of the answers and 14.3 % of the source pictures" in found.sentence
    assert "at most 46.9 % of the answers can be right" in found.sentence
    assert any("truly are that unequal" in step for step in found.next)
    assert state((40, 3, 30, 283, 20, 34, 10), counts=(40, 3, 30, 283, 20, 34, 10)) == "works"  # the source is like that too
    assert state((210, 210, 0, 0, 0, 0, 0), counts=(1, 1, 1, 0, 0, 0, 0)) == "works"  # two thirds in common; classes without pictures
    evenly = judge(Case(SEVEN, (54,) * 7, seen((40, 3, 30, 283, 20, 34, 10)), plain=seen((60,) * 7)))
    assert evenly.next[0].startswith("Use the source-only model")


@pytest.mark.parametrize(
    ("held_out", "right", "expected"),
    [
        ((10,) * 7, (10,) * 7, "works"),
        ((10,) * 7, (6,) * 7, "works"),  # 60 %: more than halfway from 14.3 to 100 %
        ((10,) * 7, (5,) * 7, "underfit"),
        ((10,) * 7, (1, 1, 2, 2, 1, 2, 2), "underfit"),
        ((50, 3, 3, 3, 3, 3, 3), (50, 0, 0, 0, 0, 0, 0), "underfit"),  # 73 % right by naming the commonest class alone
        ((1,) * 7, (1, 1, 1, 1, 1, 0, 0), "works"),
    ],
)
def test_underfit_against_chance_and_majority(held_out, right, expected):
    assert state((40,) * 7, held_out=held_out, right=right) == expected


def test_few_held_out_pictures_are_said_to_be_few():
    few = judge(Case(SEVEN, (54,) * 7, seen((40,) * 7, held_out=(1, 1, 0, 0, 0, 0, 0), right=(1, 1, 0, 0, 0, 0, 0))))
    assert few.state == "works" and "2 pictures are too few to tell it from that" in few.sentence
    assert "too few" not in judge(Case(SEVEN, (54,) * 7, seen((40,) * 7))).sentence
    bad = judge(Case(SEVEN, (54,) * 7, seen((40,) * 7, held_out=(10,) * 7, right=(1, 1, 2, 2, 1, 2, 2))))
    assert "no better than guessing (14.3 %)" in bad.sentence
    half = judge(Case(SEVEN, (54,) * 7, seen((40,) * 7, held_out=(10,) * 7, right=(5,) * 7)))
    assert "less than halfway from guessing to perfect (14.3 %)" in half.sentence


def test_the_binomial_test_is_the_textbooks():
    for hits, n, chance in ((5, 20, 0.1), (1, 3, 0.5), (20, 20, 0.9)):
        assert at_least(hits, n, chance) == pytest.approx(binomtest(hits, n, chance, alternative="greater").pvalue)
    assert at_least(0, 5, 0.3) == 1.0


def test_worse_than_source_only_needs_scores_beyond_the_draw_of_the_pictures():
    rng = np.random.default_rng(0)
    low, high = (tuple(mean + rng.normal(0, 0.01, 10)) for mean in (0.5, 0.7))
    wide = tuple(0.6 + rng.normal(0, 0.5, 10))
    poor = seen((40,) * 7, folds={"im": low, "snd": low, "bnm": wide})
    rich = seen((40,) * 7, folds={"im": high, "snd": high, "bnm": high})
    assert difference(poor, rich, "im").told == -1 and difference(poor, rich, "bnm").told == 0
    assert judge(Case(SEVEN, (54,) * 7, poor, rich, "im")).state == "worse"
    better = judge(Case(SEVEN, (54,) * 7, rich, poor, "im"))
    assert better.state == "works" and "2 of 3 label-free scores are better" in better.sentence
    same = judge(Case(SEVEN, (54,) * 7, rich, rich.__class__(**{**vars(rich), "folds": dict(rich.folds)}), "im"))
    assert "do not tell it from source-only" in same.sentence
    answers = np.arange(280) % 7
    alike = (Seen(**{**vars(one), "answers": answers.copy()}) for one in (poor, rich))
    found = judge(Case(SEVEN, (54,) * 7, *alike, "im"))
    assert found.state == "works" and "do not tell it from source-only (100.0 % of the answers are the same)" in found.sentence
    torn = seen((40,) * 7, folds={"im": high, "snd": low, "bnm": low})
    assert (
        judge(Case(SEVEN, (54,) * 7, torn, seen((40,) * 7, folds={k: wide for k in ("snd", "bnm")} | {"im": low}), "im")).state == "works"
    )


def test_a_collapsed_network_is_not_recommended_against_a_source_only_one_that_is_not():
    found = judge(Case(SEVEN, (54,) * 7, seen((0, 0, 0, 0, 0, 280, 0)), seen((40,) * 7)))
    assert found.next[0] == "Use the source-only model: it names more classes."
    both = judge(Case(SEVEN, (54,) * 7, seen((0, 0, 0, 0, 0, 280, 0)), seen((0, 0, 0, 0, 0, 280, 0))))
    assert not any("source-only" in step for step in both.next)


def test_a_falling_loss():
    steady = [1.9, 1.8, 1.72, 1.65, 1.52, 1.44, 1.31, 1.25]
    assert falling(steady) == pytest.approx(0.217, abs=0.01)
    rng = np.random.default_rng(0)
    assert falling([2.0, 1.2, 0.8, 0.6, *(0.5 + rng.normal(0, 0.05, 16))]) is None, "noise around a level"
    assert falling([1.0 - 0.001 * i for i in range(20)]) is None, "a fall that is worth nothing"
    assert falling([1.0 / 2**i for i in range(20)]) is None, "learnt: below 0.1"
    assert falling([1.9, 1.5, 1.1]) is None, "three epochs are no trend"
    assert falling([]) is None and falling([2, 1.9, float("nan"), 1.0, 0.9]) is None
    found = judge(Case(SEVEN, (54,) * 7, seen((40,) * 7), losses=steady))
    assert found.state == "falling" and "train longer" in found.sentence and found.usable


def test_the_source_loss_by_epoch():
    assert task_losses([{"task": 2.0, "domain": 9.0}, {"task": 1.0}]) == [2.0, 1.0]
    assert task_losses([{"task/first": 2.0, "task/second": 1.0, "taskless": 7.0}]) == [1.5]
    assert task_losses([{"entropy": 1.0}, {}]) == []


def test_answers_that_do_not_settle():
    rng = np.random.default_rng(0)
    still = [np.zeros(100, int)] * 6
    assert churn(still) == 0.0 and churn(still[:3]) is None
    wild = [rng.integers(0, 7, 100) for _ in range(6)]
    assert churn(wild) > 0.7
    found = judge(Case(SEVEN, (54,) * 7, seen((40,) * 7), churn=churn(wild)))
    assert found.state == "unsettled" and "not converged" in found.sentence
    assert judge(Case(SEVEN, (54,) * 7, seen((40,) * 7), churn=0.2)).state == "works"


def test_it_goes_through_json_and_odd_json_is_refused():
    found = judge(Case(SEVEN, (54,) * 7, seen((0, 0, 0, 3, 0, 277, 0), right=(3,) * 7)))
    assert Verdict.from_json(found.to_json()) == found
    one = seen((40,) * 7, scores={"im": 0.123456789}, folds={"im": (0.1, 0.2)})
    assert Seen.from_json(one.to_json()).scores == {"im": 0.123457} and Seen.from_json(one.to_json()).predicted == (40,) * 7
    for odd in ({}, {"findings": []}, {"findings": [{"state": "great", "sentence": "", "next": []}]}, {"findings": [3]}):
        with pytest.raises(ValueError, match="no verdict"):
            Verdict.from_json(odd)
    for odd in ({}, {"predicted": []}, {"predicted": [1, -1]}, {"predicted": [1], "scores": {"a": "b"}}, {"predicted": [1], "right": [1]}):
        with pytest.raises(ValueError, match="no record"):
            Seen.from_json(odd)


def test_parts_of_the_target_cover_it_once_and_are_the_same_for_every_network():
    parts = folds(101)
    assert sorted(np.concatenate(parts)) == list(range(101)) and len(parts) == 10 and min(map(len, parts)) == 10
    assert all((a == b).all() for a, b in zip(parts, folds(101), strict=True))
    assert folds(39) == []


def test_effective_numbers():
    assert effective((5, 5, 5)) == pytest.approx(3) and effective((7, 0, 0)) == 1 and effective(()) == 1
    assert effective((9, 1)) == pytest.approx(np.exp(-(0.9 * np.log(0.9) + 0.1 * np.log(0.1))))
