"""Looking at the target without its labels: answers on whole image sets, label-free scores, and the checkpoint that they choose."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

import numpy as np
import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import Evidence
from dazoo.contracts import ImageSet
from dazoo.contracts import Outputs
from dazoo.contracts import Validator
from dazoo.contracts.origin import called
from dazoo.contracts.origin import noted
from dazoo.engine.batches import as_tensor
from dazoo.engine.batches import normalise
from dazoo.engine.device import autocast
from dazoo.engine.state import copied
from dazoo.errors import TrainingError


HELD_OUT = "source_accuracy"
"""The score that is an accuracy: of held-out source pictures."""


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


def chosen_epoch(scores: Sequence[Mapping[str, float]], chooses: str) -> int:
    """The first epoch, from 1, with the highest score that chooses; the last where there is no such score; 0 of none."""
    if not scores or chooses not in scores[0]:
        return len(scores)
    values = [s.get(chooses, -math.inf) for s in scores]
    best = max((v for v in values if not math.isnan(v)), default=-math.inf)
    return values.index(best) + 1 if best in values else len(values)


@torch.no_grad()
def outputs_of(
    read: Callable[[Tensor], Outputs],
    modules: Iterable[nn.Module],
    images: np.ndarray,
    device: torch.device,
    precision: str,
    batch: int = 256,
) -> Outputs:
    """Features (N, C) and logits (N, K) of pictures (N, H, W, C) uint8, in eval mode, float32 on the CPU.

    Args:
        read: from images (n, C, H, W) in [-1, 1] to outputs.
        modules: what `read` runs; their modes are put back.
    """
    modes = [(m, m.training) for m in modules]
    for module, _ in modes:
        module.eval()
    outputs = []
    with autocast(device, precision):
        for first in range(0, len(images), batch):  # never the whole set in memory
            pixels = as_tensor(np.asarray(images[first : first + batch]))
            out = read(normalise(pixels.to(device)))
            outputs.append(Outputs(out.features.cpu(), out.logits.cpu()))
    for module, training in modes:
        module.train(training)
    return Outputs(torch.cat([o.features for o in outputs]), torch.cat([o.logits for o in outputs]))


class Watch:
    """Keeps what is seen of a run, and the weights that a validator chose.

    Args:
        validators: label-free scores by name. One that fails is left out, with a warning, unless it is the one that chooses.
        chooses: name of the score by which a checkpoint is chosen.
        count: see `Setup.count`.
    """

    def __init__(self, validators: Mapping[str, Validator], chooses: str, count: Callable[[Tensor], float] | None = None) -> None:
        self.validators, self.chooses, self.count = dict(validators), chooses, count
        self.history = History()
        self.chosen: dict[str, Tensor] = {}
        self.best: dict[str, Tensor] = {}
        self.score = self.most = -math.inf

    def resume(self, history: History, score: float, chosen: dict[str, Tensor], best: dict[str, Tensor]) -> None:
        """Go on from what was kept. Where nobody kept the best weights so far, nobody can know later which are."""
        self.history, self.score, self.chosen, self.best = history, score, chosen, best
        if self.count is not None and history.predictions:
            self.most = max(map(self.count, history.predictions))
            self.count = self.count if best else None

    @property
    def epoch(self) -> int:
        """The epoch that the validator has chosen so far, from 1."""
        return chosen_epoch(self.history.scores, self.chooses)

    def look(
        self,
        target: Outputs,
        source: tuple[Outputs, np.ndarray] | None,
        terms: Mapping[str, float],
        state: Callable[[], Mapping[str, Tensor]],
    ) -> dict[str, float]:
        """Take in the end of an epoch, and give its scores.

        Args:
            target: outputs for the target test images.
            source: outputs for the held-out source images with their labels, where there are any.
            terms: the last loss terms.
            state: weights of the network that is evaluated, kept if they score best.

        Raises:
            TrainingError: the validator that chooses fails.
        """
        predicted = target.logits.argmax(1).to(torch.int32)
        self.history.predictions.append(predicted)
        scores: dict[str, float] = {}
        if source is not None:
            out, labels = source
            evidence = Evidence(out.features, out.logits, torch.from_numpy(np.ascontiguousarray(labels)), target.features, target.logits)
            scores = self._scores(evidence)
        self.take(scores, terms, state)
        if self.count is not None and (right := self.count(predicted)) > self.most:
            self.most, self.best = right, copied(state())
        return scores

    def take(self, scores: dict[str, float], terms: Mapping[str, float], state: Callable[[], Mapping[str, Tensor]]) -> None:
        """Keep an epoch's scores and terms, and the weights if the score that chooses is the highest so far."""
        self.history.terms.append(dict(terms))
        self.history.scores.append(scores)
        score = scores.get(self.chooses, float(len(self.history.scores)))  # without a source: the last
        if score > self.score:
            self.score = score
            self.chosen = copied(state())

    def _scores(self, evidence: Evidence) -> dict[str, float]:
        scores = {}
        for name, validator in list(self.validators.items()):
            try:
                scores[name] = _score(validator, evidence)
            except Exception as exc:
                who = called(validator) if noted(validator) else f"validator {name!r}"
                if name == self.chooses:
                    raise TrainingError(
                        f"The {who}, which chooses the checkpoint, fails: {type(exc).__name__}: {exc}. "
                        "Choose another one with --set validator=NAME."
                    ) from exc
                warnings.warn(f"The {who} fails and is left out: {type(exc).__name__}: {exc}", stacklevel=2)
                del self.validators[name]
                for earlier in self.history.scores:
                    earlier.pop(name, None)
        return scores


def _score(validator: Validator, evidence: Evidence) -> float:
    """The score; a model whose answers are not finite is never chosen, whatever is said of it.

    Raises:
        ValueError: what the validator gives is no number.
    """
    found = validator(evidence)
    if found is None:
        raise ValueError("it gives None; expected a float")
    score = float(found)
    if not math.isnan(score):
        return score
    if evidence.target_logits.isfinite().all() and evidence.source_logits.isfinite().all():
        raise ValueError("it gives nan; expected a number, or -inf for a model that must not be chosen")
    return -math.inf
