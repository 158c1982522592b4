"""Signs of trouble in a game that is being played: drawn pictures that are all alike, and a critic that has won or sees nothing.

Each is cheap enough to be looked at every epoch on some dozens of pictures, and none proves that the pictures are good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dazoo.errors import DataError
from dazoo.plain import per_cent


ALIKE = 0.5
"""Collapsed: the mean distance of two drawn pictures is less than this share of that of two real ones."""

REPEATED = 1 / 3
"""Repeating: the median distance of a drawn picture from the nearest other one is less than this share of that of real ones. A generator
that draws only four pictures has still three quarters of the mean distance, and next to none of this one."""

COMMONEST = 0.5
"""One class: it is read in at least this share of the drawn pictures, and in twice as large a share as in the real ones."""

WON = 0.99
"""The critic has won: it scores the real one higher in at least this share of all pairs of a real and a drawn picture."""

CHANCE = 0.05
"""The critic sees no difference: that share is within this, or within two standard errors of chance, of a half."""


@dataclass(frozen=True)
class Collapse:
    """How much drawn pictures differ among themselves.

    Attributes:
        drawn: how many there are.
        spread: mean distance of two drawn pictures in a feature space over that of two real ones.
        nearest: median distance to the nearest other picture, drawn over real, at equal numbers.
        within: the same share as `spread` for two pictures of one class, a mean over the classes; None where the classes are not known.
        commonest, commonest_real: share of the class that a classifier reads most often in the drawn pictures, and the share of that class
            in the real ones; None where none was asked.
    """

    drawn: int
    spread: float
    nearest: float
    within: float | None = None
    commonest: float | None = None
    commonest_real: float | None = None


@dataclass(frozen=True)
class Critic:
    """What a critic says of real and of drawn pictures.

    Attributes:
        real, drawn: how many pictures of each.
        margin: mean logit of the real pictures less that of the drawn ones.
        accuracy: mean of the shares of real pictures above 0 and of drawn ones below; for games whose logits are log-odds.
        ranked: share of the pairs of a real and a drawn picture in which the real one has the higher logit (ties count half), which means
            the same in every game: 1 all, 0.5 chance.
    """

    real: int
    drawn: int
    margin: float
    accuracy: float
    ranked: float

    @property
    def chance(self) -> float:
        """Two standard errors of `ranked` for a critic that guesses (Mann and Whitney 1947)."""
        return 2 * math.sqrt((self.real + self.drawn + 1) / (12 * self.real * self.drawn))


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, in one plain sentence each; empty where no sign was seen.

    Attributes:
        findings: sentences by name: "diverged", "collapsed", "collapsed_within", "repeating", "one_class", "critic_won", "critic_blind",
            "critic_reversed".
    """

    findings: dict[str, str]

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return bool(self.findings)

    def __str__(self) -> str:
        return "\n".join(self.findings.values()) or "no sign of trouble"


def collapse(
    real: Tensor, drawn: Tensor, *, of_real: Any = None, of_drawn: Any = None, read_real: Any = None, read_drawn: Any = None
) -> Collapse:
    """Compare how much drawn and real pictures differ among themselves.

    Args:
        real, drawn: features (N, D) and (M, D) of one extractor, or the pixels in one row a picture; at least 3 rows each. Rows beyond the
            smaller number are left out.
        of_real, of_drawn: (N,) and (M,) classes that they are of and were asked for, or both None.
        read_real, read_drawn: (N,) and (M,) classes that a classifier reads in them, or both None.

    Raises:
        DataError: too few rows, widths that differ, or real pictures that are all equal or not finite.
    """
    if real.ndim != 2 or drawn.ndim != 2 or real.shape[1] != drawn.shape[1] or min(len(real), len(drawn)) < 3:
        raise DataError(f"Features are {tuple(real.shape)} and {tuple(drawn.shape)}; expected (N, D) and (M, D) with 3 rows or more.")
    n = min(len(real), len(drawn))
    mean, nearest = _apart(real[:n])
    if not (math.isfinite(mean) and mean > 0 and nearest > 0):
        raise DataError("The real pictures are all equal or mostly repeated, or not finite; nothing compares with them.")
    mean_drawn, nearest_drawn = _apart(drawn[:n])
    commonest = commonest_real = None
    if read_drawn is not None:
        counts = np.bincount(np.asarray(read_drawn))
        commonest = float(counts.max() / counts.sum())
        commonest_real = float((np.asarray(read_real) == counts.argmax()).mean())
    within = None if of_real is None or of_drawn is None else _within(real, of_real, drawn, of_drawn)
    return Collapse(len(drawn), mean_drawn / mean, nearest_drawn / nearest, within, commonest, commonest_real)


def critic(real: Tensor, drawn: Tensor) -> Critic:
    """Look at a critic's logits.

    Args:
        real, drawn: logits of one critic with N first, as in `Verdict.logits`; a map of patches counts by its mean.

    Raises:
        DataError: no logits of one side.
    """
    if not (real.ndim and drawn.ndim and real.numel() and drawn.numel()):
        raise DataError(f"Logits are {tuple(real.shape)} and {tuple(drawn.shape)}; expected (N, ...) and (M, ...), one row or more each.")
    there, here = (x.detach().cpu().double().flatten(1).mean(1) if x.ndim > 1 else x.detach().cpu().double() for x in (real, drawn))
    pairs = there[:, None] - here[None]
    ranked = ((pairs > 0).double() + 0.5 * (pairs == 0).double()).mean().item()
    accuracy = ((there > 0).double().mean() + (here < 0).double().mean()).item() / 2
    return Critic(len(there), len(here), (there.mean() - here.mean()).item(), accuracy, ranked)


def diagnose(*, collapse: Collapse | None = None, critic: Critic | None = None) -> Diagnosis:
    """Say what the figures mean, where they are past a threshold of this module."""
    return Diagnosis({**(_of_pictures(collapse) if collapse else {}), **(_of_critic(critic) if critic else {})})


def _of_pictures(c: Collapse) -> dict[str, str]:
    found = {}
    if not (math.isfinite(c.spread) and math.isfinite(c.nearest)):
        return {"diverged": f"diverged: some of the {c.drawn} drawn pictures are not finite"}
    if c.spread < ALIKE:
        found["collapsed"] = f"collapsed: the {c.drawn} drawn pictures differ {_times(c.spread)} as much as real ones do"
    elif c.nearest < REPEATED:
        found["repeating"] = (
            f"repeating: half of the {c.drawn} drawn pictures have another one so near that they differ {_times(c.nearest)} as much "
            "as the nearest real ones do"
        )
    if c.spread >= ALIKE and c.within is not None and c.within < ALIKE:
        found["collapsed_within"] = (
            f"collapsed within classes: two drawn pictures of one class differ {_times(c.within)} as much as real ones do"
        )
    if c.commonest is not None and c.commonest_real is not None and c.commonest >= max(COMMONEST, 2 * c.commonest_real):
        found["one_class"] = (
            f"one class: {per_cent(c.commonest)} of the {c.drawn} drawn pictures are read as the same class, "
            f"which {per_cent(c.commonest_real)} of the real ones are"
        )
    return found


def _of_critic(c: Critic) -> dict[str, str]:
    if not math.isfinite(c.margin):
        return {"diverged": "diverged: the critic's logits are not finite"}
    share = f"in {per_cent(c.ranked)} of the pairs it scores the real picture higher"
    if abs(c.ranked - 0.5) <= max(CHANCE, c.chance):
        return {"critic_blind": f"the critic sees no difference: {share}; either the pictures are that good, or it has not learnt"}
    if c.ranked < 0.5:
        return {"critic_reversed": f"the critic takes drawn pictures for real ones: {share}; the generator is ahead, or a sign is wrong"}
    if c.ranked >= WON:
        return {"critic_won": f"the critic has won: {share}, so the generator learns little from it"}
    return {}


def _apart(features: Tensor) -> tuple[float, float]:
    """Mean distance of two rows, and the median over the rows of the distance to the nearest other one."""
    rows = features.detach().cpu().double()
    far = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    n = len(rows)
    return far.sum().item() / (n * (n - 1)), far.fill_diagonal_(torch.inf).min(1).values.median().item()


def _within(real: Tensor, of_real: Any, drawn: Tensor, of_drawn: Any) -> float | None:
    """Mean over the classes of the mean distance of two drawn pictures over that of two real ones; None where no class has two of both."""
    shares = []
    for c in np.unique(np.asarray(of_real)):
        there, here = real[torch.as_tensor(np.asarray(of_real) == c)], drawn[torch.as_tensor(np.asarray(of_drawn) == c)]
        if min(len(there), len(here)) > 1 and (apart := _apart(there)[0]) > 0:
            shares.append(_apart(here)[0] / apart)
    return float(np.mean(shares)) if shares else None


def _times(share: float) -> str:
    """A share below 1 in words, the nearest of a few."""
    words = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth", 10: "a tenth", 20: "a twentieth", 50: "a fiftieth", 100: "a hundredth"}
    if share < 0.0075:
        return "less than a hundredth"
    return words[min(words, key=lambda parts: abs(math.log(share * parts)))]
