"""What a trained model gets before it is saved: scores that mean something, and pictures for its card."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np
import torch

from dazoo.contracts import Domains
from dazoo.metrics.accuracy import confusion_matrix
from dazoo.models.calibrating import Seen
from dazoo.models.calibrating import calibrate_model
from dazoo.models.figures import calibration_png
from dazoo.models.figures import confusion_png
from dazoo.models.figures import examples_png
from dazoo.models.model import Model


EXAMPLES = 4


def finished(model: Model, domains: Domains, *, own: bool) -> Model:
    """The same model, calibrated on the source's held-out pictures, with pictures for its card.

    Target labels are read to count alone, after everything is fitted.

    Args:
        domains: what it was trained on.
        own: the pictures are the person's own. Only then some of them go into the card; those of a data set have its terms.
    """
    _, target = calibrate_model(model, domains.source_train, domains.source_test, domains.target_test)
    model.pictures = dict(_pictures(model, target, own)) if target is not None and find_spec("matplotlib") else {}
    return model


def _pictures(model: Model, target: Seen, own: bool) -> Mapping[str, bytes]:
    found = {"calibration.png": calibration_png(model.config["calibration"])}
    labels = target.images.labels
    if labels is not None:
        found["confusion.png"] = confusion_png(confusion_matrix(labels, target.answers, len(model.classes)), model.classes)
    if own:
        chosen = _spread(target.answers, EXAMPLES)
        answers = model.named(model.probabilities(target.logits[torch.from_numpy(chosen)]))
        truth = None if labels is None else [model.classes[k] for k in labels[chosen]]
        found["examples.png"] = examples_png(np.stack([np.asarray(target.images.images[i]) for i in chosen]), answers, truth)
    return found


def _spread(answers: np.ndarray, n: int) -> np.ndarray:
    """Indices of up to n pictures with answers as different as they come: the first of each class, then the next ones."""
    rank = np.zeros(len(answers), np.int64)  # how many pictures before have the same answer
    seen: dict[int, int] = {}
    for i, k in enumerate(answers.tolist()):
        rank[i] = seen.get(k, 0)
        seen[k] = rank[i] + 1
    return np.sort(np.argsort(rank, kind="stable")[:n])
