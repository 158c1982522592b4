"""A saved model's card as it goes to the Hub: its own words, with the address, licence and pictures of the repository."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from dazoo.models.card_data import Facts
from dazoo.models.card_data import front_matter


_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_BLOCK = re.compile(r"```python\n.*?```", re.DOTALL)
CAPTIONS = {
    "confusion.png": "True classes down, answers across; what is off the diagonal is read wrong",
    "examples.png": "Target pictures with the answer and its score",
    "calibration.png": "How often answers are right, by their score",
    "samples.png": "Pictures that it draws, the first ones of seed 0, not selected",
}


def hub_card(card: str, config: Mapping[str, Any], facts: Facts, usage: str, pictures: Sequence[str], reproduce: str | None = None) -> str:
    """README.md of the repository.

    Args:
        card: the model's own, which a person may have written: all of it stays but for the front matter, the code under "Use it", the
            licence, and what it lacks: failures, and pictures.
        config: the inner object of config.json, its results as `results_of` gives them.
        usage: a block of Python. pictures: PNG files beside it. reproduce: a block with one command; the card's own unless given.
    """
    text = without_front(card)
    text = _with_block(text, "Use it", usage)
    if reproduce is not None:
        text = put(text, "How to reproduce", reproduce)
    failures = failures_of(config)
    if failures and "## Failures" not in text:
        text = put(
            text, "Failures", "\n".join(f"- {line}" for line in failures), before="Pictures" if section(text, "Pictures") else "Limits"
        )
    shown = [f"![{name.partition('.')[0]}]({name})\n{CAPTIONS[name]}." for name in pictures if f"({name})" not in text and name in CAPTIONS]
    if shown:
        old = section(text, "Pictures")
        text = put(text, "Pictures", "\n\n".join([*([old] if old else []), *shown]), before="Limits")
    text = put(text, "Licence", _licence(facts))
    return f"---\n{front_matter(config, facts)}\n---\n\n{text.rstrip()}\n"


def without_front(card: str) -> str:
    """A card without its front matter."""
    return _FRONT.sub("", card, count=1).lstrip("\n")


def section(text: str, title: str) -> str | None:
    """What stands under a heading of the second level; None where there is none."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else None


def put(text: str, title: str, content: str, before: str | None = None) -> str:
    """The text with another content under a heading; without that heading it comes before another one, or at the end."""
    part = f"## {title}\n\n{content.strip()}\n\n"
    found = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found:
        return text[: found.start()] + part + text[found.end() :]
    place = re.search(rf"^## {re.escape(before)}$", text, re.MULTILINE) if before else None
    return text[: place.start()] + part + text[place.start() :] if place else f"{text.rstrip()}\n\n{part}"


def failures_of(config: Mapping[str, Any]) -> list[str]:
    """Sentences about what a classifier gets wrong, as far as it was counted."""
    shipped, facts = config.get("results", {}).get("shipped") or {}, config.get("calibration", {})
    n = config.get("results", {}).get("n_target")
    lines = []
    if "accuracy" in shipped and n:
        lines.append(f"{round(n * (1 - shipped['accuracy']))} of {n} target pictures are read wrong.")
    if target := facts.get("target"):
        said, right = _surest(target)
        if said is not None:
            lines.append(f"Of the target pictures with the highest scores (mean {said:.2f}), {100 * (1 - right):.0f} % are read wrong.")
    rejected = facts.get("unknown", {}).get("target_wrong_rejected")
    if rejected is not None:
        lines.append(f"Of the pictures that are read wrong, `unknown=True` turns away {100 * rejected:.0f} %; the others get a class.")
    return lines


def _surest(curve: Mapping[str, Any]) -> tuple[float | None, float]:
    """Mean score and share right in the highest bin with pictures in it."""
    there = [(mean, right) for n, mean, right in curve["bins"] if n]
    return there[-1] if there else (None, 0.0)


def _with_block(text: str, title: str, block: str) -> str:
    """The text with the first block of Python under a heading replaced; what stands around it stays."""
    old = section(text, title)
    if old is None:
        first = re.search(r"^## ", text, re.MULTILINE)
        part = f"## {title}\n\n{block}\n\n"
        return text[: first.start()] + part + text[first.start() :] if first else f"{text.rstrip()}\n\n{part}"
    new = _BLOCK.sub(lambda _: block, old, count=1) if _BLOCK.search(old) else f"{block}\n\n{old}"
    return put(text, title, new)


def _licence(facts: Facts) -> str:
    name = facts.licence if facts.licence != "other" else f"[{facts.licence_name}]({facts.licence_link})"
    return f"Weights: {name}. The data keep their own terms, given above."
