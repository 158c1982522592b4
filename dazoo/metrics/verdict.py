"""A verdict on a trained network without target labels: whether it works as far as can be told, and what to try next.

Every rule is here, with its threshold and the reason; `docs/judging.md` tells them to a reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from scipy.special import bdtrc
from scipy.special import chdtrc

from dazoo.metrics.seen import Seen
from dazoo.metrics.seen import difference
from dazoo.metrics.seen import disagreement
from dazoo.metrics.seen import effective
from dazoo.metrics.trend import RESTLESS
from dazoo.metrics.trend import falling
from dazoo.plain import per_cent


STATES = ("collapsed", "underfit", "lopsided", "worse", "falling", "unsettled", "works")
"""What may be found, gravest first. The first two say that the network is not to be used, the third that it is not to be used unseen."""

UNUSABLE, DOUBTFUL = STATES[:2], STATES[:3]

GUESSING = 0.01
"""Level of the binomial test of held-out source accuracy against guessing."""

SKILL = 0.5
"""Share of the way from guessing to perfect that held-out source accuracy must have gone. Target error is bounded by source error plus a
distance between the domains (Ben-David et al. 2010), so a network that errs on more of its own source has little to bring to a target."""

DOMINANT, DIVERSITY, ALONE = 0.5, 0.25, 0.1
"""Collapse: one class gets at least half of the target pictures and a quarter of the source's diversity is left, or a tenth of it is left.
Diversity is the effective number of classes less one, so it is 0 for one class. A target may truly be less diverse than the source: with
seven equal classes the rule waits until one of them gets about 80 % of the pictures, with two until it gets 94 %."""

ALIKE = 0.05
"""Share of target pictures that two networks call differently, below which neither is better: their accuracies differ by no more than that,
while scores of two sure networks may differ beyond doubt in the fourth digit."""

LEAST_RIGHT = 0.5
"""Lopsided: of the answers, less than this share could be right if the target's classes were as frequent as the source's. The bound is the
sum over classes of the smaller of both shares. Of 171 runs on signs, digits and PACS 38 fall below it and read 18 to 47 % of the target; of
the 133 others 111 read more than half."""

CHANCE = 0.01
"""Level, over all classes together, of the tests that the answers' shares are not the source's: a few pictures prove nothing."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found: a word of `STATES`, a sentence, and what to try next."""

    state: str
    sentence: str
    next: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What can be said of a network without target labels.

    Attributes:
        findings: gravest first, at least one.
    """

    findings: tuple[Finding, ...]

    @property
    def state(self) -> str:
        """The gravest finding's word, one of `STATES`."""
        return self.findings[0].state

    @property
    def sentence(self) -> str:
        """The gravest finding in one sentence, without a full stop."""
        return self.findings[0].sentence

    @property
    def next(self) -> tuple[str, ...]:
        """What to try next, the most promising first."""
        return tuple(dict.fromkeys(step for finding in self.findings for step in finding.next))

    @property
    def usable(self) -> bool:
        """False where the network collapsed or is underfit."""
        return self.state not in UNUSABLE

    @property
    def doubtful(self) -> bool:
        """True where a person is warned: not usable, or lopsided, which a target of other class shares than the source's may truly be."""
        return self.state in DOUBTFUL

    def __str__(self) -> str:
        return f"{self.state}: {self.sentence}"

    def to_json(self) -> dict[str, Any]:
        """As a config takes it."""
        return {"state": self.state, "sentence": self.sentence, "findings": [{**asdict(f), "next": list(f.next)} for f in self.findings]}

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Verdict:
        """What `to_json` gave.

        Raises:
            ValueError: something else.
        """
        rows = tree.get("findings")
        if not isinstance(rows, list | tuple) or not rows or not all(map(_is_finding, rows)):
            raise ValueError("no verdict; expected findings, each with a state, a sentence and what to try next")
        return cls(tuple(Finding(row["state"], row["sentence"], tuple(row["next"])) for row in rows))


@dataclass(frozen=True)
class Case:
    """What a verdict is made of.

    Attributes:
        classes: names, (K,). source_counts: training pictures of the source by class, (K,); equal where they are not known.
        seen: of the network that is judged.
        plain: of its source-only twin (of the model before, for one that was adapted), or None where there is none.
        validator: the label-free score that chooses.
        losses: source loss by epoch. churn: see `dazoo.metrics.trend.churn`.
    """

    classes: Sequence[str]
    source_counts: Sequence[int]
    seen: Seen
    plain: Seen | None = None
    validator: str = "information_maximisation"
    losses: Sequence[float] = ()
    churn: float | None = None


def judge(case: Case) -> Verdict:
    """The verdict. Target labels play no part in it."""
    found = [check(case) for check in (_collapsed, _underfit, _lopsided, _worse, _falling, _unsettled)]
    wrong = [finding for finding in found if finding is not None]
    return Verdict(tuple(wrong) or (_works(case),))


def guessing(seen: Seen) -> float:
    """Accuracy on the held-out source of who does not look: one of K, or always the commonest class, whichever is more."""
    return max(1 / len(seen.held_out), max(seen.held_out) / sum(seen.held_out))


def at_least(hits: int, n: int, chance: float) -> float:
    """Probability of at least so many hits in n independent tries: the one-sided binomial test."""
    return float(bdtrc(hits - 1, n, chance)) if hits else 1.0


def votes(seen: Seen, plain: Seen) -> dict[str, int]:
    """By validator: 1 better than the twin beyond the draw of the pictures, -1 worse, 0 not told apart, as all that answer alike are."""
    found = {name: difference(seen, plain, name) for name in seen.folds}
    apart = disagreement(seen, plain)
    alike = apart is not None and apart < ALIKE
    return {name: 0 if alike else one.told for name, one in found.items() if one is not None}


def _collapsed(case: Case) -> Finding | None:
    seen, n = case.seen, sum(case.seen.predicted)
    top, counts = seen.commonest, _counts(case)
    kept = (effective(seen.predicted) - 1) / max(1e-9, effective(counts) - 1)
    few = seen.share >= DOMINANT and kept < DIVERSITY or kept < ALONE
    own = counts[top] / sum(counts)
    if not few or at_least(seen.predicted[top], n, own) * len(counts) >= CHANCE:
        return None
    sentence = (
        f"{seen.predicted[top]} of {n} target pictures are called {case.classes[top]} ({per_cent(own)} of the source pictures are); "
        "do not use it"
    )
    steps = [*_STRONGER, "If nearly all target pictures truly are of that class, nothing is wrong: look at some."]
    if case.plain is not None and _collapsed(replace(case, seen=case.plain, plain=None)) is None:
        steps.insert(0, "Use the source-only model: it names more classes.")
    return Finding("collapsed", sentence, tuple(steps))


def _lopsided(case: Case) -> Finding | None:
    seen, n, counts = case.seen, sum(case.seen.predicted), _counts(case)
    pairs = [(answers / max(1, n), count / sum(counts)) for answers, count in zip(seen.predicted, counts, strict=True)]
    most = sum(min(pair) for pair in pairs)
    unlike = n * sum((share - own) ** 2 / own for share, own in pairs if own)  # chi-square
    if most >= LEAST_RIGHT or chdtrc(len(pairs) - 1, unlike) >= CHANCE or _collapsed(case):  # which says it already
        return None
    share, own = pairs[seen.commonest]
    sentence = (
        f"{case.classes[seen.commonest]} is {per_cent(share)} of the answers and {per_cent(own)} of the source pictures; if the target's "
        f"classes are as frequent as the source's, at most {per_cent(most)} of the answers can be right; do not use it unseen"
    )
    steps = [*_STRONGER, "If the target's classes truly are that unequal, nothing is wrong: label some and count (dazoo eval)."]
    if case.plain is not None and not judge(replace(case, plain=None, seen=case.plain, losses=(), churn=None)).doubtful:
        steps.insert(0, "Use the source-only model: its answers are spread more like the source.")
    return Finding("lopsided", sentence, tuple(steps))


def _counts(case: Case) -> Sequence[int]:
    """Training pictures of the source by class; equal where they are not known."""
    counts = case.source_counts
    return counts if sum(counts) and len(counts) == len(case.classes) else [1] * len(case.classes)


def _underfit(case: Case) -> Finding | None:
    seen = case.seen
    accuracy, n = seen.source_accuracy, sum(seen.held_out)
    if accuracy is None:
        return None
    chance = guessing(seen)
    if accuracy >= chance + SKILL * (1 - chance) - 1e-9:
        return None
    why = "no better than guessing" if _guesses(seen) else "less than halfway from guessing to perfect"
    sentence = f"held-out source accuracy is {per_cent(accuracy)} of {n} pictures, {why} ({per_cent(chance)})"
    return Finding("underfit", sentence, _STRONGER)


def _guesses(seen: Seen) -> bool:
    """Whether nothing tells the answers on the held-out source from guessing."""
    return at_least(sum(seen.right), sum(seen.held_out), guessing(seen)) >= GUESSING


def _worse(case: Case) -> Finding | None:
    if case.plain is None or case.plain is case.seen:
        return None
    found = votes(case.seen, case.plain)
    worse, better = sum(v < 0 for v in found.values()), sum(v > 0 for v in found.values())
    if worse <= better or found.get(case.validator, -1) > 0:
        return None
    sentence = f"adaptation made {worse} of {len(found)} label-free scores worse than source-only"
    bad = judge(replace(case, seen=case.plain, plain=None, losses=(), churn=None))
    if not bad.usable:
        return Finding("worse", f"{sentence}, which is {bad.state} as well", _STRONGER)
    return Finding("worse", f"{sentence}; use source-only", ("Use the source-only model.", "Try another method, or a smaller lr."))


def _falling(case: Case) -> Finding | None:
    drop = falling(case.losses)
    if drop is None:
        return None
    sentence = f"the source loss was still falling when the run ended (by {per_cent(drop)} of its {case.losses[-1]:.2g} over the last half)"
    return Finding("falling", f"{sentence}; train longer", ("Train longer: twice the epochs (--set epochs=N), into another folder.",))


def _unsettled(case: Case) -> Finding | None:
    if case.churn is None or case.churn <= RESTLESS:
        return None
    sentence = f"{per_cent(case.churn)} of the target answers changed from one epoch to the next at the end; not converged"
    return Finding(
        "unsettled", sentence, ("Train longer, with a smaller lr or schedule=cosine; or keep an average of weights (ema=0.99).",)
    )


def _works(case: Case) -> Finding:
    seen, parts = case.seen, ["works as far as can be told without labels"]
    if seen.source_accuracy is not None:
        few = f", and {sum(seen.held_out)} pictures are too few to tell it from that" if _guesses(seen) else ""
        parts.append(f"held-out source accuracy {per_cent(seen.source_accuracy)} (guessing {per_cent(guessing(seen))}{few})")
    parts.append(f"the commonest answer is {case.classes[seen.commonest]}, {per_cent(seen.share)} of the target pictures")
    steps = ["Label some target pictures and count: dazoo eval MODEL --target DIR."]
    if case.plain is not None and case.plain is not seen:
        found = votes(seen, case.plain)
        better = sum(v > 0 for v in found.values())
        if better:
            parts.append(f"{better} of {len(found)} label-free scores are better than source-only's")
        else:
            apart = disagreement(seen, case.plain)
            alike = f" ({per_cent(1 - apart)} of the answers are the same)" if apart is not None else ""
            parts.append(f"the label-free scores do not tell it from source-only{alike}")
    return Finding("works", "; ".join(parts), tuple(steps))


_STRONGER = (
    "Start from pretrained weights: a backbone whose name ends in _pretrained ('dazoo list backbones').",
    "Train longer (--set epochs=N), with larger pictures where they are photographs (--set size=128).",
    "Look at the pictures: dazoo doctor --source DIR --target DIR.",
)


def _is_finding(row: Any) -> bool:
    if not isinstance(row, Mapping) or row.get("state") not in STATES or not isinstance(row.get("sentence"), str):
        return False
    return isinstance(row.get("next"), list | tuple) and all(isinstance(step, str) for step in row["next"])
