"""The part of a model card about its scores: temperature, reliability, and what "none of these" costs."""

from __future__ import annotations

import re
from collections.abc import Collection
from collections.abc import Mapping
from typing import Any


FEW = 5
"""Wrong answers on the held-out pictures below which they say little about the temperature."""


def scores_section(config: Mapping[str, Any], pictures: Collection[str] = ()) -> str:
    """Markdown with its heading; it ends with a newline.

    Args:
        config: the inner object of config.json.
        pictures: names of PNG files beside the card.
    """
    facts = config.get("calibration")
    if not facts:
        return "## Scores\n\nNothing was fitted: a score is the network's own softmax, and it may be far surer than it is right.\n"
    lines = ["## Scores", "", _temperature(facts), "", *_errors(facts)]
    if "calibration.png" in pictures:
        lines += ["", "![Reliability curve](calibration.png)"]
    lines += ["", *_curve(facts)]
    if "unknown" in facts:
        lines += ["", _unknown(facts["unknown"])]
    return "\n".join(lines) + "\n"


def with_scores(card: str, config: Mapping[str, Any], pictures: Collection[str] = ()) -> str:
    """A card with this part written anew; the rest of it, which a person may have written, stays.

    Args:
        card: its text, with or without the part.
        config, pictures: see `scores_section`.
    """
    part = scores_section(config, pictures)
    found = re.search(r"^## Scores\n.*?(?=^## |\Z)", card, re.MULTILINE | re.DOTALL)
    if found:
        return card[: found.start()] + part + "\n" + card[found.end() :]
    limits = re.search(r"^## Limits$", card, re.MULTILINE)
    return card[: limits.start()] + part + "\n" + card[limits.start() :] if limits else f"{card.rstrip()}\n\n{part}"


def _temperature(facts: Mapping[str, Any]) -> str:
    source = facts["source"]
    wrong = round(source["n"] * (1 - source["accuracy"]))
    text = f"Logits are divided by a temperature of {facts['temperature']:.3g}"
    text += f" (Guo et al. 2017), fitted on {source['n']} held-out source pictures."
    if facts["fitted"] < facts["temperature"]:
        text += f" They would ask for {facts['fitted']:.2g}, but nothing is sharpened: the target is harder than they are."
    if wrong < FEW:
        text += f" The model reads all but {wrong} of them right" if wrong else " The model reads all of them right"
        text += ", so they say next to nothing about how sure it may be on the target."
    return text


def _errors(facts: Mapping[str, Any]) -> list[str]:
    lines = ["| pictures | number | right | expected calibration error | without the temperature |", "|---|---|---|---|---|"]
    for key, title in (("source", "held-out source"), ("target", "target (its labels only count here)")):
        if row := facts.get(key):
            cells = [f"{100 * row[k]:.1f} %" for k in ("accuracy", "ece", "ece_before")]
            lines.append(f"| {title} | {row['n']} | {' | '.join(cells)} |")
    if "target" in facts and facts["target"]["ece"] > 2 * max(facts["source"]["ece"], 0.02):
        error = 100 * facts["target"]["ece"]
        lines += ["", f"**On the target a score is off by {error:.0f} points on average.** Held-out source pictures cannot tell that."]
    return lines


def _curve(facts: Mapping[str, Any]) -> list[str]:
    """Rows of the reliability curve: the bins in which there are pictures."""
    sides = [key for key in ("source", "target") if key in facts]
    head = " | ".join(f"{key}: pictures | {key}: mean score | {key}: right" for key in sides)
    lines = [f"| scores up to | {head} |", "|---|" + "---|---|---|" * len(sides)]
    count = len(facts["source"]["bins"])
    for k in range(count):
        row = [facts[key]["bins"][k] for key in sides]
        if any(n for n, _, _ in row):
            cells = [f"{n} | {mean:.2f} | {100 * right:.0f} %" if n else "0 | - | -" for n, mean, right in row]
            lines.append(f"| {(k + 1) / count:.2f} | {' | '.join(cells)} |")
    return lines


def _unknown(facts: Mapping[str, float]) -> str:
    keeps, turned = f"{100 * facts['keeps']:.0f} %", f"{100 * facts['source_rejected']:.0f} %"
    text = (
        '`predict(..., unknown=True)` (`dazoo predict --unknown`) answers "none of these" where a picture is farther from the training '
        f"pictures than {keeps} of the right held-out source pictures are. It turns away {turned} of these"
    )
    told = [
        f"{100 * facts[key]:.0f} % of {what}"
        for key, what in (
            ("target_rejected", "the target pictures"),
            ("target_right_rejected", "the target pictures that are read right"),
            ("target_wrong_rejected", "those that are read wrong"),
        )
        if key in facts
    ]
    return text + (f", {', '.join(told)}." if told else ".")
