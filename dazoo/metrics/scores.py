"""Validators: label-free scores of a model on the target. Higher is better; evidence that is empty or not finite scores -inf."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dazoo.contracts.validator import Evidence
from dazoo.contracts.validator import Validator
from dazoo.errors import SettingsError
from dazoo.losses import entropy as losses
from dazoo.metrics.gap import density_ratio


class Score(Validator):
    """Base of the scores here: a broken model (a NaN or an infinity anywhere in the evidence) is never chosen."""

    def __call__(self, evidence: Evidence) -> float:
        tensors = [getattr(evidence, f.name) for f in dataclasses.fields(evidence)]
        if not all(bool(torch.isfinite(t).all()) for t in tensors if t.is_floating_point()):
            return -math.inf
        if not len(evidence.target_logits):
            return -math.inf
        evidence = Evidence(*(t.detach().double() if t.is_floating_point() else t for t in tensors))
        value = self.score(evidence)
        return value if math.isfinite(value) else -math.inf

    def score(self, evidence: Evidence) -> float:
        """The score of finite evidence in float64."""
        raise NotImplementedError(f"{type(self).__name__} must implement score(evidence).")


class SourceAccuracy(Score):
    """Share of held-out source pictures that are classified correctly. Blind to the target: the textbook's choice, a weak one."""

    def score(self, evidence: Evidence) -> float:
        return _hits(evidence).mean().item()


class SourceBalancedAccuracy(Score):
    """Mean over the classes present of the accuracy on each: class frequencies of the source do not matter."""

    def score(self, evidence: Evidence) -> float:
        labels, k = evidence.source_labels, evidence.source_logits.shape[1]
        right = torch.bincount(labels, weights=_hits(evidence), minlength=k)
        counts = torch.bincount(labels, minlength=k)
        return (right[counts > 0] / counts[counts > 0]).mean().item()


class Entropy(Score):
    """Minus the mean entropy of target predictions (Morerio et al. 2018), between -log K and 0. A collapsed model scores best."""

    reads_source = False

    def score(self, evidence: Evidence) -> float:
        return -losses.entropy_minimisation(evidence.target_logits).item()


class InformationMaximisation(Score):
    """Entropy of the mean prediction minus the mean entropy, between 0 and log K: certain, and spread over the classes."""

    reads_source = False

    def score(self, evidence: Evidence) -> float:
        return -losses.information_maximisation(evidence.target_logits).item()


class BatchNuclearNorm(Score):
    """Nuclear norm of the target's prediction matrix over N (Cui et al. 2020)."""

    reads_source = False

    def score(self, evidence: Evidence) -> float:
        return -losses.batch_nuclear_norm(evidence.target_logits).item()


class SoftNeighbourhoodDensity(Score):
    """Mean entropy of each target picture's similarity to the others (SND, Saito et al. 2021); large where clusters are dense.

    Args:
        temperature: of the softmax over cosine similarities of predictions; 0.05 in the paper.
        block: rows of the N x N similarities that are held at a time.

    Raises:
        SettingsError: a temperature or a block that is not above 0.
    """

    reads_source = False

    def __init__(self, temperature: float = 0.05, block: int = 1024) -> None:
        if temperature <= 0 or block < 1:
            raise SettingsError(f"SND has temperature {temperature} and block {block}; both must be above 0.")
        self.temperature, self.block = temperature, block

    def score(self, evidence: Evidence) -> float:
        p = F.normalize(evidence.target_logits.softmax(1))  # (N, K)
        n = len(p)
        if n < 2:
            return 0.0  # a single picture has no neighbourhood, so no model has a better one
        total = 0.0
        for start in range(0, n, self.block):
            rows = p[start : start + self.block] @ p.T / self.temperature  # (B, N)
            here = torch.arange(len(rows), device=p.device)
            rows[here, start + here] = -torch.inf  # not its own neighbour
            total += torch.special.entr(rows.softmax(1)).sum().item()
        return total / n


class DeepEmbeddedValidation(Score):
    """Minus the source error, each source picture weighted by how target-like its features are (DEV, You et al. 2019).

    Args:
        seed: of the classifier that tells the domains apart.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def score(self, evidence: Evidence) -> float:
        if min(len(evidence.source_features), len(evidence.target_features)) < 2:
            return 0.0
        source, target = evidence.source_features.cpu().numpy(), evidence.target_features.cpu().numpy()
        return -dev_risk(density_ratio(source, target, seed=self.seed), 1.0 - _hits(evidence).cpu().numpy())


def dev_risk(weights: np.ndarray, errors: np.ndarray) -> float:
    """Importance-weighted risk with a control variate: mean(w e) + eta (mean(w) - 1), eta = -cov(w e, w) / var(w).

    Args:
        weights: (M,) density ratios, target over source.
        errors: (M,) losses of the source pictures.
    """
    weighted = weights * errors
    spread = weights.var(ddof=1)
    eta = -np.cov(weighted, weights, ddof=1)[0, 1] / spread if spread > 0 else 0.0
    return float(weighted.mean() + eta * (weights.mean() - 1.0))


def _hits(evidence: Evidence) -> Tensor:
    return (evidence.source_logits.argmax(1) == evidence.source_labels).double()  # (M,)
