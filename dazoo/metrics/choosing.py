"""Choosing among trained networks without target labels: a table of label-free scores, and a recommendation with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from dazoo.errors import DataError
from dazoo.errors import UnknownName
from dazoo.metrics.seen import Seen
from dazoo.metrics.seen import difference
from dazoo.metrics.verdict import Case
from dazoo.metrics.verdict import Verdict
from dazoo.metrics.verdict import judge
from dazoo.metrics.verdict import votes


@dataclass(frozen=True)
class Candidate:
    """A trained network that may be chosen.

    Attributes:
        name: what to call it and where to find it, such as the folder of its run.
        recipe, seed: of its run.
        verdict: on it. seen: what it does. plain: what its source-only twin does, or None.
        classes, source_counts: names, and training pictures of the source by class.
        validator: the label-free score that chose in its run.
        adapts: False for plain training on the source.
        accuracy: on the target, where labels were there to count; None without.
    """

    name: str
    recipe: str
    seed: int
    verdict: Verdict
    seen: Seen
    plain: Seen | None
    classes: tuple[str, ...]
    source_counts: tuple[int, ...]
    validator: str
    adapts: bool
    accuracy: float | None = None

    @classmethod
    def of(cls, name: str, recipe: str, results: Mapping[str, Any], **known: Any) -> Candidate:
        """A candidate from the results of a config, or of a cell.

        Args:
            known: the other fields.

        Raises:
            ValueError: the results hold no verdict.
        """
        try:
            plain = results.get("seen_source_only")
            found = Verdict.from_json(results["verdict"]), Seen.from_json(results["seen"]), plain and Seen.from_json(plain)
        except KeyError as exc:
            raise ValueError(f"no {exc} is on record") from None
        return cls(name, recipe, int(results.get("seed", 0)), *found, **known)


@dataclass(frozen=True)
class Comparison:
    """Candidates, the best first, and what to do.

    Attributes:
        candidates: those that may be used by the score of `validator`, then the others.
        validator: the label-free score that decides.
        recommended: name of the candidate to use; None where there is none.
        reason: sentences.
    """

    candidates: tuple[Candidate, ...]
    validator: str
    recommended: str | None
    reason: str

    @property
    def validators(self) -> tuple[str, ...]:
        """Every score that a candidate has, the one that decides first."""
        names = {name for c in self.candidates for name in c.seen.scores}
        return (self.validator, *sorted(names - {self.validator}))

    def rows(self) -> list[dict[str, Any]]:
        """The table: name, recipe, seed, verdict, accuracy (None: no labels), scores by validator."""
        return [
            {
                "name": c.name,
                "recipe": c.recipe,
                "seed": c.seed,
                "verdict": c.verdict.state,
                "says": c.verdict.sentence,
                "accuracy": c.accuracy,
                "scores": dict(c.seen.scores),
                "recommended": c.name == self.recommended,
            }
            for c in self.candidates
        ]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"recommended": self.recommended, "reason": self.reason, "validator": self.validator, "runs": self.rows()}

    def __str__(self) -> str:
        names = self.validators
        head = ["run", "verdict", "accuracy", *names]
        lines = [head]
        for c in self.candidates:
            accuracy = "-" if c.accuracy is None else f"{100 * c.accuracy:.1f} %"
            scores = [f"{c.seen.scores[n]:.4f}" if n in c.seen.scores else "-" for n in names]
            lines.append([("* " if c.name == self.recommended else "  ") + c.name, c.verdict.state, accuracy, *scores])
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        table = "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)
        return f"{table}\n{self.reason}"


def choose_among(candidates: Sequence[Candidate], validator: str | None = None) -> Comparison:
    """Compare networks on the same target pictures, without their labels.

    A collapsed or underfit network is never recommended, and a lopsided one only where there is no other. The others are ordered by one
    label-free score. The best is recommended if it is better than source-only beyond the draw of the pictures; else source-only is, as the
    simplest that nothing speaks against.

    Args:
        validator: the score that decides; the one that chose in the runs unless given.

    Raises:
        DataError: no candidate, networks that saw other target pictures, or that choose by different scores where none is given.
        UnknownName: no candidate has that score.
    """
    if not candidates:
        raise DataError("There is no finished run to compare; name folders that 'dazoo train' made, such as runs/*.")
    if len({(c.seen.pictures, sum(c.seen.predicted), c.classes) for c in candidates}) > 1:
        raise DataError(
            "The runs are not about the same target pictures and classes, so their scores do not compare; name runs with the same --target."
        )
    chose = {c.validator for c in candidates}
    if validator is None and len(chose) > 1:
        raise DataError(f"The runs chose by different scores ({', '.join(sorted(chose))}); say which decides with --select VALIDATOR.")
    decides = validator or chose.pop()
    known = {name for c in candidates for name in c.seen.scores}
    if decides not in known:
        raise UnknownName(f"No run has the score {decides!r}; there are {', '.join(sorted(known)) or 'none'}.")
    order = sorted(candidates, key=lambda c: (*_grave(c, decides), -c.seen.scores.get(decides, float("-inf")), c.name))
    recommended, reason = _recommend(order, decides)
    return Comparison(tuple(order), decides, recommended, reason)


def _grave(one: Candidate, validator: str) -> tuple[bool, bool]:
    """What puts a network behind others, whatever its score."""
    return not _eligible(one, validator), one.verdict.doubtful


def _eligible(one: Candidate, validator: str) -> bool:
    return one.verdict.usable and validator in one.seen.scores


def _recommend(order: Sequence[Candidate], validator: str) -> tuple[str | None, str]:
    """Whom to use, and why."""
    able = [c for c in order if _eligible(c, validator)]
    good = [c for c in able if not c.verdict.doubtful] or able
    left = f" Left out: {', '.join(f'{c.name} ({c.verdict.state})' for c in order if c not in good)}." if len(good) < len(order) else ""
    if not good:
        return None, f"Use none of them.{left} {' '.join(order[0].verdict.next[:2])}"
    best = good[0]
    plain, where = _source_only(best, order)
    said = f"it has the best {validator} ({best.seen.scores[validator]:.4f}, without target labels)"
    if not best.adapts:
        return best.name, f"Use {best.name}: {said}, and no adaptation beats it.{_rivals(good, validator)}{left}"
    if plain is None:
        return best.name, f"Use {best.name}: {said}. No source-only network is there to compare with.{_rivals(good, validator)}{left}"
    twin = _judged(best, plain)
    if not twin.usable or twin.doubtful and not best.verdict.doubtful:
        return best.name, f"Use {best.name}: {said}, and source-only is {twin.state}.{_rivals(good, validator)}{left}"
    found = difference(best.seen, plain, validator)
    if found is None:
        few = f"{best.name} has the best {validator}, but the target has too few pictures to set it apart"
        return where, f"Use source-only ({where}): the scores cannot tell. {few}.{left}"
    margin = f"{found.mean:+.4f} against source-only, 95 % interval [{found.interval.low:+.4f}, {found.interval.high:+.4f}]"
    if found.told <= 0:
        return (
            where,
            f"Use source-only ({where}): the scores cannot tell {best.name} from it ({validator} {margin}), and it is simpler.{left}",
        )
    agree = votes(best.seen, plain)
    others = f"{sum(v > 0 for v in agree.values())} of {len(agree)} scores agree"
    return best.name, f"Use {best.name}: {said}: {margin}; {others}.{_rivals(good, validator)}{left}"


def _source_only(best: Candidate, order: Sequence[Candidate]) -> tuple[Seen | None, str | None]:
    """The network that a recommendation has to beat, and what to call it: a source-only run, of its seed if there is one, or its twin."""
    plain = sorted((c for c in order if not c.adapts), key=lambda c: c.seed != best.seed)
    if plain:
        return plain[0].seen, plain[0].name
    return best.plain, f"the twin of {best.name}"


def _judged(of: Candidate, plain: Seen) -> Verdict:
    """The verdict on the twin of a network."""
    return judge(replace(Case(of.classes, of.source_counts, plain), validator=of.validator))


def _rivals(good: Sequence[Candidate], validator: str) -> str:
    """Those that are not told apart from the best."""
    found = {c.name: difference(good[0].seen, c.seen, validator) for c in good[1:]}
    close = [name for name, apart in found.items() if apart is None or apart.told <= 0]
    return f" Not told apart from it: {', '.join(close)}." if close else ""
