"""`dazoo doctor`: looks at two sets of pictures before anything is trained, and says in sentences what it found and what to do."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

from dazoo.data.entries import entries_of
from dazoo.data.folder import existing
from dazoo.data.looking import MOST
from dazoo.data.looking import Side
from dazoo.data.looking import look_at
from dazoo.data.places import check_sides
from dazoo.data.places import check_source
from dazoo.data.remarks import CHECKS
from dazoo.data.remarks import Remark
from dazoo.errors import DazooError
from dazoo.plain import expanded


@dataclass(frozen=True)
class Report:
    """What the doctor found.

    Attributes:
        remarks: what would stop training first, then what is worth a look.
        source, target: what was seen of each side; None where nothing could be.
    """

    remarks: tuple[Remark, ...]
    source: Side | None
    target: Side | None

    @property
    def ok(self) -> bool:
        """Whether nothing would stop training."""
        return not any(remark.stops for remark in self.remarks)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        sides = {name: side.facts() if side else None for name, side in (("source", self.source), ("target", self.target))}
        return {"ok": self.ok, "remarks": [asdict(remark) for remark in self.remarks], **sides}

    def __str__(self) -> str:
        lines = [_described(which, side) for which, side in (("source", self.source), ("target", self.target)) if side]
        lines += [f"{'stops training' if r.stops else 'look'}: {r.text}{f' {r.advice}' if r.advice else ''}" for r in self.remarks]
        return "\n".join([*lines, _verdict(self)])


def doctor(source: Any, target: Any = None, *, most: int = MOST) -> Report:
    """Look at pictures before anything is trained. Nothing is written, and torch is not needed.

    Args:
        source: the labelled pictures, as `dazoo.train` takes them: one folder per class, a pack, a table, a data set.
        target: the others, likewise; None looks at the source alone.
        most: pictures of a side that are opened; all are counted.

    Returns:
        The report. What is wrong with the pictures is in it, and raises nothing.
    """
    remarks: list[Remark] = []
    if target is not None and _is_folder(source) and _is_folder(target):
        _caught(lambda: check_sides(existing(source), existing(target)), remarks)
    if _is_folder(source):
        _caught(lambda: check_source(existing(source)), remarks)
    one = _side(source, most, remarks, None)
    other = None if target is None else _side(target, most, remarks, tuple(one.counts) if one else ())
    for check in CHECKS:
        remarks += check(one, other)
    unique = list(dict.fromkeys(remarks))
    return Report(tuple(sorted(unique, key=lambda remark: not remark.stops)), one, other)


def _is_folder(thing: Any) -> bool:
    """Whether it is a folder, or a path where there is none."""
    return isinstance(thing, str | os.PathLike) and not expanded(thing).is_file()


def _side(thing: Any, most: int, remarks: list[Remark], classes: tuple[str, ...] | None) -> Side | None:
    """A side, looked at; what its reader complains of goes into the remarks."""
    found: list[Side] = []

    def look() -> None:
        found.append(look_at(entries_of(thing, classes), most))

    _caught(look, remarks)
    return found[0] if found else None


def _caught(what: Callable[[], Any], remarks: list[Remark]) -> None:
    """Run what reads pictures; its error stops training, and its warnings are worth a look."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            what()
        except (DazooError, OSError) as error:
            remarks.append(Remark(str(error), "", stops=True))
    remarks += [Remark(str(one.message)) for one in said]


def _described(which: str, side: Side) -> str:
    facts = side.facts()
    sides = facts["short_side"]
    size = f"short side {sides['smallest']} to {sides['largest']} pixels, median {sides['median']}" if sides else "none can be read"
    kinds = ", ".join(f"{n} {mode}" for mode, n in facts["modes"].items())
    counted = f", {len(side.counts)} classes with {min(side.counts.values())} to {max(side.counts.values())}" if side.counts else ""
    looked = f"; looked at {len(side.looks)}" if len(side.looks) < side.count else ""
    return f"{which} {side.name}: {side.count} pictures{counted}{looked}; {size}; {kinds}"


def _verdict(report: Report) -> str:
    stops = sum(remark.stops for remark in report.remarks)
    if stops:
        return f"{stops} thing{'s' * (stops > 1)} would stop training, or make it learn what nobody meant."
    looks = len(report.remarks)
    return "Fine: nothing would stop training" + (f", {looks} thing{'s are' if looks > 1 else ' is'} worth a look." if looks else ".")
