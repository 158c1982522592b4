"""Choosing among networks by label-free scores: the best, source-only where nothing tells, and never a collapsed one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dazoo.errors import DataError
from dazoo.errors import UnknownName
from dazoo.metrics.choosing import Candidate
from dazoo.metrics.choosing import choose_among
from dazoo.metrics.seen import Seen
from dazoo.metrics.verdict import Case
from dazoo.metrics.verdict import judge


CLASSES = ("bus", "car", "van")


def network(name: str, score: float, *, spread: float = 0.005, predicted=(30, 30, 30), adapts: bool = True, **changes) -> Candidate:
    rng = np.random.default_rng(sum(map(ord, name)))
    folds = {"im": tuple(score + rng.normal(0, spread, 10)), "snd": tuple(score + rng.normal(0, spread, 10))}
    seen = Seen(predicted, (10,) * 3, (9,) * 3, {"im": score, "snd": score + 1, "entropy": -score}, folds, "same")
    verdict = judge(Case(CLASSES, (50,) * 3, seen))
    made = Candidate(name, name.partition("/")[2] or name, 0, verdict, seen, None, CLASSES, (50,) * 3, "im", adapts)
    return replace(made, **changes)


def test_the_best_that_is_better_than_source_only_beyond_noise():
    plain, good, better = network("source", 0.5, adapts=False), network("a", 0.6), network("b", 0.8)
    found = choose_among([good, plain, better])
    assert found.recommended == "b" and [c.name for c in found.candidates] == ["b", "a", "source"]
    assert found.reason.startswith("Use b: it has the best im (0.8000, without target labels): +0.3")
    assert "against source-only, 95 % interval [+0." in found.reason and "2 of 2 scores agree" in found.reason
    assert "Not told apart" not in found.reason and found.validators == ("im", "entropy", "snd")
    assert "Not told apart from it: c." in choose_among([plain, better, network("c", 0.7999, spread=0.05)]).reason


def test_where_the_scores_cannot_tell_source_only_is_simpler():
    found = choose_among([network("source", 0.5, adapts=False), network("a", 0.501, spread=0.05)])
    assert found.recommended == "source" and "the scores cannot tell a from it (im " in found.reason
    few = [replace(c, seen=replace(c.seen, folds={})) for c in (network("source", 0.5, adapts=False), network("a", 0.9))]
    found = choose_among(few)
    assert found.recommended == "source" and "too few pictures to set it apart" in found.reason


def test_a_collapsed_network_is_never_recommended_however_good_its_score():
    plain, collapsed = network("source", 0.5, adapts=False), network("sure", 0.99, predicted=(90, 0, 0))
    assert collapsed.verdict.state == "collapsed"
    found = choose_among([collapsed, plain])
    assert found.recommended == "source" and "Left out: sure (collapsed)." in found.reason
    none = choose_among([collapsed, replace(collapsed, name="too")])
    assert none.recommended is None and none.reason.startswith("Use none of them. Left out: sure (collapsed), too (collapsed). Start from")
    dead = network("source", 0.5, adapts=False, predicted=(90, 0, 0))
    assert choose_among([dead, network("a", 0.4)]).recommended == "a", "even if the collapsed source-only has the better score"
    assert "source-only is collapsed" in choose_among([dead, network("a", 0.4)]).reason


def test_a_lopsided_network_is_recommended_only_where_there_is_no_other():
    plain, lopsided = network("source", 0.5, adapts=False), network("sure", 0.99, predicted=(76, 8, 6))
    spread = network("a", 0.6)
    assert lopsided.verdict.state == "lopsided"
    found = choose_among([lopsided, plain, spread])
    assert found.recommended == "a" and "Left out: sure (lopsided)." in found.reason
    assert [c.name for c in found.candidates] == ["a", "source", "sure"]
    assert choose_among([lopsided, network("source", 0.5, adapts=False, predicted=(76, 8, 6))]).recommended == "sure"
    twin = network("source", 0.9, adapts=False, predicted=(76, 8, 6))
    assert "source-only is lopsided" in choose_among([twin, spread]).reason


def test_the_twin_of_a_run_stands_for_source_only():
    twin = network("twin", 0.5).seen
    found = choose_among([network("runs/a", 0.8, plain=twin)])
    assert found.recommended == "runs/a" and "against source-only" in found.reason
    worse = choose_among([network("runs/a", 0.4, plain=twin)])
    assert worse.recommended == "the twin of runs/a" and "cannot tell" in worse.reason
    assert "No source-only network is there" in choose_among([network("runs/a", 0.8)]).reason


def test_another_score_may_decide():
    a, b = network("a", 0.8), network("b", 0.7)
    assert choose_among([a, b], "entropy").candidates[0].name == "b"
    with pytest.raises(UnknownName, match="No run has the score 'accuracy'; there are entropy, im, snd"):
        choose_among([a, b], "accuracy")
    with pytest.raises(DataError, match="chose by different scores .im, snd.; say which decides with --select"):
        choose_among([a, replace(b, validator="snd")])


def test_what_does_not_compare_is_refused():
    a = network("a", 0.8)
    with pytest.raises(DataError, match="no finished run to compare"):
        choose_among([])
    for other in (replace(a.seen, pictures="others"), replace(a.seen, predicted=(3, 3, 3))):
        with pytest.raises(DataError, match="not about the same target pictures"):
            choose_among([a, replace(a, name="b", seen=other)])


def test_it_prints_as_a_table_with_accuracies_where_labels_counted():
    found = choose_among([network("source", 0.5, adapts=False, accuracy=0.61), network("b", 0.8)])
    lines = str(found).splitlines()
    assert lines[0].split() == ["run", "verdict", "accuracy", "im", "entropy", "snd"]
    assert lines[1].split()[:5] == ["*", "b", "works", "-", "0.8000"] and lines[2].split()[:4] == ["source", "works", "61.0", "%"]
    assert found.to_json()["recommended"] == "b" and found.to_json()["runs"][1]["accuracy"] == 0.61
