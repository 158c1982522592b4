"""Clauses for a validator, on made-up evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import torch

from dazoo.contracts import Evidence
from dazoo.contracts import Validator
from dazoo.registry.plugins import zoo


def builds_from_defaults(name: str, settings: dict[str, Any]) -> None:
    """It builds and says whether it looks at the source."""
    made = zoo().validators.build(name, **settings)
    assert isinstance(made, Validator), f"{name} builds a {type(made).__name__}; expected a dazoo.contracts.Validator."
    assert isinstance(made.reads_source, bool), f"{name}: reads_source is {made.reads_source!r}; expected True or False."


def gives_a_finite_number(name: str, settings: dict[str, Any]) -> None:
    """A float for every evidence that is usual: few and many classes, sides of different sizes, certain and uncertain answers."""
    for what, evidence in _cases():
        score = _score(name, settings, evidence, what)
        assert math.isfinite(score), f"{name} gives {score} for {what}; expected a finite number, so that an epoch can be chosen by it."


def repeats_itself(name: str, settings: dict[str, Any]) -> None:
    """The same evidence has the same score, also for another object: a resumed run chooses the same epoch."""
    for what, evidence in _cases():
        first, second = _score(name, settings, evidence, what), _score(name, settings, evidence, what)
        assert first == second, f"{name} gives {first} and {second} for the same evidence; draw nothing at random, and keep no state."


def leaves_its_evidence_alone(name: str, settings: dict[str, Any]) -> None:
    """It writes into none of the tensors: other validators read the same ones."""
    for what, evidence in _cases():
        before = {f.name: getattr(evidence, f.name).clone() for f in fields(evidence)}
        _score(name, settings, evidence, what)
        changed = [key for key, old in before.items() if not torch.equal(old, getattr(evidence, key))]
        assert not changed, f"{name} changes {', '.join(changed)} in place; work on a new tensor."


def says_whether_it_reads_the_source(name: str, settings: dict[str, Any]) -> None:
    """With `reads_source = False` it needs no source, and its score does not depend on one."""
    if zoo().validators.build(name, **settings).reads_source:
        return
    for what, evidence in _cases():
        alone = Evidence(
            evidence.source_features[:0],
            evidence.source_logits[:0],
            evidence.source_labels[:0],
            evidence.target_features,
            evidence.target_logits,
        )
        try:
            score = _score(name, settings, alone, f"{what}, without a source")
        except AssertionError as exc:
            raise AssertionError(f"{exc} It says reads_source = False; say True, or leave the source tensors alone.") from exc
        assert score == _score(name, settings, evidence, what), f"{name} says reads_source = False, but its score depends on the source."


def _cases() -> Iterator[tuple[str, Evidence]]:
    """Evidence with what it is."""
    for what, n, m, k, scale in (
        ("64 target pictures of 5 classes", 64, 40, 5, 2.0),
        ("30 target pictures of 2 classes", 30, 50, 2, 0.5),
        ("certain answers", 48, 48, 4, 40.0),
    ):
        seed = torch.Generator().manual_seed(n)
        labels = torch.arange(m) % k
        centres = torch.randn(k, 8, generator=seed)
        source = centres[labels] + 0.3 * torch.randn(m, 8, generator=seed)
        target = centres[torch.arange(n) % k] + 0.3 * torch.randn(n, 8, generator=seed) + 0.2
        yield what, Evidence(source, scale * source @ centres.T, labels, target, scale * target @ centres.T)


def _score(name: str, settings: dict[str, Any], evidence: Evidence, what: str) -> float:
    """The score as a float, or an AssertionError that says for which evidence there is none."""
    try:
        score = zoo().validators.build(name, **settings)(evidence)
    except Exception as exc:
        raise AssertionError(f"{name} fails for {what}: {type(exc).__name__}: {exc}") from exc
    try:
        return float(score)
    except (TypeError, ValueError) as exc:
        kind = "None" if score is None else f"a {type(score).__name__}"
        raise AssertionError(f"{name} gives {kind} for {what}; expected a float, higher for better models.") from exc
