"""The front matter of a model card: what the Hub reads, written by the Hub client's own classes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from huggingface_hub import EvalResult
from huggingface_hub import ModelCardData


TITLES = {"source_only": "Source-only", "last": "Last epoch", "chosen": "Chosen", "oracle": "Oracle"}
CLASSIFIES, DRAWS, REDRAWS = "image-classification", "unconditional-image-generation", "image-to-image"
"""Tasks as the Hub calls them (pipeline_tag)."""


@dataclass(frozen=True)
class Facts:
    """What the Hub is told of a model beside its results.

    Attributes:
        licence: its identifier at the Hub ("apache-2.0"), or "other" with a name and a link (a file of the repository, or an address).
        tags: beside those that every card has. datasets: identifiers at the Hub of the sets that it learnt from.
        base_model: repository at the Hub whose weights it started from.
        co2: grams of CO2 of its training, as somebody measured them.
        task: see above.
    """

    licence: str = "other"
    licence_name: str | None = None
    licence_link: str | None = None
    tags: Sequence[str] = ()
    datasets: Sequence[str] = ()
    base_model: str | None = None
    co2: float | None = None
    task: str = CLASSIFIES


def front_matter(config: Mapping[str, Any], facts: Facts) -> str:
    """YAML in which quotes and newlines in any value stay values.

    Args:
        config: the inner object of config.json; its `results` as `results_of` gives them.
    """
    found = _evaluations(config)
    metrics = [str(config["results"]["metric"])] if found and config["results"].get("metric") else None
    more: dict[str, Any] = {} if facts.base_model is None else {"base_model_relation": "finetune"}
    if facts.co2 is not None:
        more["co2_eq_emissions"] = {"emissions": facts.co2, "source": "measured by the author", "training_type": "training"}
    data = ModelCardData(
        library_name="dazoo",
        pipeline_tag=facts.task,
        license=_line(facts.licence),
        license_name=facts.licence_name,
        license_link=facts.licence_link,
        datasets=list(facts.datasets) or None,
        base_model=facts.base_model,
        tags=list(dict.fromkeys(map(str, facts.tags))),
        metrics=metrics,
        model_name=config["name"] if found else None,
        eval_results=found or None,
        **more,
    )
    return data.to_yaml()


def _evaluations(config: Mapping[str, Any]) -> list[EvalResult]:
    """A result for each number over the seeds: the mean, and beside it the spread. Never the oracle: nobody could have chosen it."""
    results = config.get("results", {})
    scenario = config["recipe"]["scenario"] if "recipe" in config else None
    metric = str(results.get("metric", "accuracy"))
    return [
        EvalResult(
            task_type=CLASSIFIES,
            dataset_type=scenario or "own",
            dataset_name=f"{scenario or 'own'} (target)",
            metric_type=metric,
            metric_name=f"{metric}, {TITLES.get(column, column).lower()}, n={row.get('n', 1)}",
            metric_value=round(float(row["mean"]), 4),
            metric_args={key: round(float(row[key]), 4) for key in ("spread", "low", "high") if key in row} or None,
        )
        for column, row in results.get("numbers", {}).items()
        if column != "oracle"
    ]


def _line(value: object) -> str:
    return " ".join(str(value).split())


def set_words(settings: Mapping[str, Any]) -> str:
    """Settings as they are given on a command line, each after a space; those that are no single word there are left out."""
    said = {
        key: str(value).lower() if isinstance(value, bool) else value
        for key, value in settings.items()
        if isinstance(value, str | int | float)
    }
    return "".join(f" --set {shlex.quote(f'{key}={value}')}" for key, value in said.items())
