"""After training: what the network does on the target without its labels, beside its source-only twin, and the verdict on it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dazoo.contracts import Evidence
from dazoo.contracts import ImageSet
from dazoo.contracts import Method
from dazoo.contracts import Outputs
from dazoo.contracts import Validator
from dazoo.engine.average import answering
from dazoo.engine.observe import History
from dazoo.engine.observe import outputs_of
from dazoo.engine.state import copied
from dazoo.engine.state import state_of
from dazoo.metrics.seen import Seen
from dazoo.metrics.seen import folds
from dazoo.metrics.verdict import Case
from dazoo.metrics.verdict import Verdict
from dazoo.metrics.verdict import judge


@dataclass(frozen=True)
class Judgement:
    """A verdict with what it was made of.

    Attributes:
        verdict: on the network. seen: what the network does. plain: what its source-only twin does, or the model before it was adapted;
            None where there is none.
    """

    verdict: Verdict
    seen: Seen
    plain: Seen | None = None

    def to_json(self) -> dict[str, Any]:
        """For the results of a config."""
        found: dict[str, Any] = {"verdict": self.verdict.to_json(), "seen": self.seen.to_json()}
        return found if self.plain is None else {**found, "seen_source_only": self.plain.to_json()}


@dataclass(frozen=True)
class Observer:
    """Looks at networks that are trained, all at the same pictures.

    Attributes:
        target: pictures, whose labels are not looked at. held_out: labelled source pictures, or None.
        validators: label-free scores by name; one that fails, or is not finite, is left out.
        device, precision: how to compute. The network is brought to the device, and stays there.
    """

    target: ImageSet
    held_out: ImageSet | None
    validators: Mapping[str, Validator]
    device: torch.device
    precision: str

    @cached_property
    def pictures(self) -> str:
        """See `Seen.pictures`."""
        return self.target.unlabelled().digest()[:16]

    def look(self, method: Method, weights: Mapping[str, Tensor] | None = None) -> Seen:
        """What a method's answering networks do, in eval mode, with their present weights or with others."""
        with weighted(method, weights or {}):
            return self._look(method)

    def _look(self, method: Method) -> Seen:
        target = self._outputs(method, self.target)
        classes = target.logits.shape[1]
        source, labels = self._source(method, target)
        whole = self._scores(source, labels, target)
        blind = {name: v for name, v in self.validators.items() if name in whole and not v.reads_source}
        parts = [
            self._scores(source, labels, Outputs(target.features[rows], target.logits[rows]), blind)
            for rows in map(torch.from_numpy, folds(len(target.logits)))
        ]
        scored = {name: tuple(part[name] for part in parts) for name in blind if parts and all(name in part for part in parts)}
        right = labels[source.logits.argmax(1) == labels] if len(labels) else labels
        held_out, hits = (_counts(found, classes) if len(labels) else () for found in (labels, right))
        answers = target.logits.argmax(1)
        return Seen(_counts(answers, classes), held_out, hits, whole, scored, self.pictures, answers.numpy())

    def _source(self, method: Method, target: Outputs) -> tuple[Outputs, Tensor]:
        """Outputs and labels of the held-out source pictures; empty ones where there are none."""
        if self.held_out is None or self.held_out.labels is None:
            return Outputs(target.features[:0], target.logits[:0]), torch.empty(0, dtype=torch.int64)
        return self._outputs(method, self.held_out), torch.from_numpy(np.ascontiguousarray(self.held_out.labels))

    def _outputs(self, method: Method, images: ImageSet) -> Outputs:
        networks = answering(method).values()
        for network in networks:
            network.to(self.device)
        return outputs_of(method.read, networks, images.images, self.device, self.precision)

    def _scores(
        self, source: Outputs, labels: Tensor, target: Outputs, validators: Mapping[str, Validator] | None = None
    ) -> dict[str, float]:
        evidence = Evidence(source.features, source.logits, labels, target.features, target.logits)
        found = {}
        for name, validator in (self.validators if validators is None else validators).items():
            if validator.reads_source and not len(labels):
                continue
            try:
                value = float(validator(evidence))
            except Exception:  # a stranger's validator; training has warned of it by name
                continue
            if np.isfinite(value):
                found[name] = value
        return found


@dataclass(frozen=True)
class Plain:
    """Plain training on the source, to compare with: what was seen of it, and its networks.

    Attributes:
        history: of the training. method: with its networks. weights: of them, where they are not the method's present ones.
    """

    history: History
    method: Method
    weights: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Judge:
    """Judges the weights that a run ended with, or passed.

    Attributes:
        observer: looks at networks. classes, source_counts: names, and training pictures of the source by class.
        beside: what the source-only twin does, or the model before it was adapted; None where there is none.
        validator: the label-free score that chooses.
        losses, churn: see `dazoo.metrics.verdict.Case`.
    """

    observer: Observer
    classes: Sequence[str]
    source_counts: Sequence[int]
    beside: Seen | None
    validator: str
    losses: Sequence[float] = ()
    churn: float | None = None

    def alone(self) -> Judge:
        """Judges the twin itself, which nothing stands beside."""
        return replace(self, beside=None, churn=None)

    def __call__(self, method: Method) -> Judgement:
        """The verdict on a method's present weights."""
        seen = self.observer.look(method)
        case = Case(self.classes, self.source_counts, seen, self.beside, self.validator, self.losses, self.churn)
        return Judgement(judge(case), seen, self.beside)


def warn(name: str, verdict: Verdict) -> None:
    """A warning for the person, where a model is not to be used, or not unseen."""
    if verdict.doubtful:
        warnings.warn(f"{name} {verdict}. Try: {' '.join(verdict.next[:2])} docs/judging.md says what was looked at.", stacklevel=3)


@contextmanager
def weighted(method: Method, weights: Mapping[str, Tensor]) -> Iterator[Method]:
    """The method with other weights of its answering networks ("<module>/<key>") for as long as the block runs.

    Args:
        weights: as `Trainer.chosen` gives them; none leaves the method as it is.
    """
    kept = snapshot(method)
    try:
        put(method, weights)
        yield method
    finally:
        put(method, kept)


def snapshot(method: Method) -> dict[str, Tensor]:
    """A copy of the weights of a method's answering networks, on the CPU, by "<module>/<key>"."""
    return copied(state_of(answering(method)))


def put(method: Method, weights: Mapping[str, Tensor]) -> None:
    """Give a method's answering networks weights by "<module>/<key>"; none leaves them as they are."""
    for name, module in answering(method).items() if weights else ():
        module.load_state_dict({k.removeprefix(f"{name}/"): v for k, v in weights.items() if k.startswith(f"{name}/")})


def _counts(classes: Tensor, k: int) -> tuple[int, ...]:
    return tuple(torch.bincount(classes, minlength=k).tolist())
