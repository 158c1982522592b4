"""What the doctor looks for, each as a function from the two sides to remarks: a sentence, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dazoo.contracts.dataset import Domains
from dazoo.contracts.images import ImageSet
from dazoo.data import twins
from dazoo.data.checks import check_domains
from dazoo.data.looking import THUMB
from dazoo.data.looking import Look
from dazoo.data.looking import Side
from dazoo.data.names import some
from dazoo.errors import DataError


FEW, SCANT = 2, 20
"""Pictures of a class that can be split at all, and below which the held-out ones are two or less."""

LOPSIDED = 10
"""Times that the largest class is larger than the smallest, from which it is said."""

UNCOUNTABLE = 40
"""Target pictures below which label-free scores cannot tell two networks apart (see `dazoo.metrics.seen`)."""

TINY, SHARP, APART = 16, 128, 4
"""Short sides: too small to see much, as large as photographs are; and how many times the sides may differ in it."""

COLOURED = 0.9
"""Share of a side that has no colour, while as much of the other has, from which it is said."""


@dataclass(frozen=True)
class Remark:
    """Something that was found: a sentence, what to do, and whether it would stop training."""

    text: str
    advice: str = ""
    stops: bool = False


Check = Callable[[Side | None, Side | None], Iterator[Remark]]


def _damaged(source: Side | None, target: Side | None) -> Iterator[Remark]:
    for which, side in _sides(source, target):
        if side.bad:
            listed = some([str(look.problem) for look in side.bad], 3)
            yield Remark(f"{len(side.bad)} of {len(side.looks)} {which} pictures cannot be read: {listed}", "Remove or replace them.", True)
        if side.passing:
            yield Remark(side.passing)


def _classes(source: Side | None, target: Side | None) -> Iterator[Remark]:
    if source is None:
        return
    counts = source.counts
    if len(counts) == 1:
        text = f"The source has the one class {next(iter(counts))!r}; a classifier needs at least 2."
        yield Remark(text, "Put each class into a folder with its name.", True)
        return
    empty = [name for name, n in counts.items() if not n]
    if empty:
        yield Remark(f"The source has no picture of {some(empty)}.", "Add some, or remove the folders.", True)
    single = [name for name, n in counts.items() if n == 1]
    if counts and len(single) == len(counts):
        yield Remark("Every class of the source has a single picture, so none can be held out.", "Add pictures.", True)
    elif single:
        yield Remark(f"A single source picture of {some(single)}: none can be held out to measure the class.", "Add pictures.")
    scant = [f"{name} ({n})" for name, n in counts.items() if FEW <= n < SCANT]
    if scant:
        yield Remark(
            f"Few source pictures of {some(scant)}.", f"Below {SCANT} a class has one or two held-out ones; more make it steadier."
        )
    if counts and max(counts.values()) > LOPSIDED * max(1, min(counts.values())):
        most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
        text = f"The source is lopsided: {counts[most]} pictures of {most}, {counts[least]} of {least}."
        yield Remark(text, "Own pictures are drawn class by class (balance=true), so small classes are seen as often, over and over.")


def _target(source: Side | None, target: Side | None) -> Iterator[Remark]:
    if target is None:
        return
    if target.count < UNCOUNTABLE:
        text = f"The target has {target.count} pictures: label-free scores cannot tell two networks apart by so few."
        yield Remark(text, f"Give at least {UNCOUNTABLE}.")
    if source is not None and target.counts:
        absent = [name for name in source.counts if name not in target.counts]
        if absent:
            yield Remark(f"The labelled target has no picture of {some(absent)}.", "Accuracy counts the other classes alone.")


def _sizes(source: Side | None, target: Side | None) -> Iterator[Remark]:
    medians = {}
    for which, side in _sides(source, target):
        if not side.good:
            continue
        shorts = side.shorts
        medians[which] = float(np.median(shorts))
        small = int((shorts < TINY).sum())
        if small:
            yield Remark(f"{small} of {len(shorts)} {which} pictures have a side below {TINY} pixels.", "See whether they show anything.")
    if len(medians) == 2 and max(medians.values()) > APART * min(medians.values()):
        text = f"The sides differ in size: median short side {medians['source']:.0f} and {medians['target']:.0f} pixels."
        yield Remark(
            text, "The larger ones are made small, so one side may be blurred and the other sharp: a size near the smaller one is fair."
        )


def _colours(source: Side | None, target: Side | None) -> Iterator[Remark]:
    if source is None or target is None or not source.good or not target.good:
        return
    grey = {which: sum(look.grey for look in side.good) / len(side.good) for which, side in _sides(source, target)}
    if max(grey.values()) >= COLOURED and min(grey.values()) <= 1 - COLOURED:
        which = max(grey, key=grey.__getitem__)
        text = f"The {which} pictures have no colour ({100 * grey[which]:.0f} % are grey), the others have."
        yield Remark(text, "Try --set channels=1: what colour teaches on one side is of no use on the other.")


def _ranges(source: Side | None, target: Side | None) -> Iterator[Remark]:
    """The check that training makes, on thumbnails."""
    if source is None or target is None or not source.good or not target.good or len(source.counts) < FEW:
        return
    names = tuple(source.counts)
    sets = [
        ImageSet(side.name, np.stack([look.pixels for look in side.good]), labels, names)
        for side, labels in ((source, np.array([names.index(str(look.entry.label)) for look in source.good])), (target, None))
    ]
    try:
        check_domains(Domains(sets[0], sets[0], sets[1], sets[1]), size=THUMB, channels=3)
    except DataError as error:
        if "has no picture of" not in str(error):  # of those that were looked at
            yield Remark(str(error), "", True)


def _duplicates(source: Side | None, target: Side | None) -> Iterator[Remark]:
    for which, side in _sides(source, target):
        groups = twins.same(side.good)
        torn = [g for g in groups if len({look.entry.label for look in g}) > 1]
        if torn:
            yield Remark(
                f"{len(torn)} {which} pictures are there in two classes: {_pair(torn[0][:2])}.", "Keep each in the class that is right."
            )
        extra = sum(len(g) - 1 for g in groups)
        if extra:
            text = f"{extra} {which} pictures are there more than once, such as {_pair(groups[0][:2])}."
            held = " A copy may be learnt and its twin held out, so the held-out accuracy is too high." if which == "source" else ""
            yield Remark(text, f"Remove the copies.{held}")
        close = twins.near(side.good)
        if close:
            yield Remark(f"{len(close)} pairs of {which} pictures look nearly the same, such as {_pair(close[0])}.", _NEAR)
    if source is None or target is None:
        return
    shared = twins.between(source.good, target.good)
    if shared:
        pictures = len({id(b) for _, b in shared})
        text = f"{pictures} target pictures are source pictures too, such as {_pair(shared[0])}."
        yield Remark(text, "Remove them from one side: accuracy on them says nothing about new pictures.")
    close = twins.near(source.good, target.good)
    if close:
        yield Remark(f"{len(close)} source pictures look nearly like a target picture, such as {_pair(close[0])}.", _NEAR)


_NEAR = "Look at them: copies of another size, or neighbours in a video, make accuracies look better than they are."

CHECKS: tuple[Check, ...] = (_damaged, _classes, _target, _sizes, _colours, _ranges, _duplicates)
"""All of them, in the order of the report."""


def _sides(source: Side | None, target: Side | None) -> list[tuple[str, Side]]:
    return [(which, side) for which, side in (("source", source), ("target", target)) if side is not None]


def _pair(looks: tuple[Look, ...] | list[Look]) -> str:
    return " and ".join(look.entry.name for look in looks)
