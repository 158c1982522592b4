"""Results in the Hub's newer form, .eval_results/*.yaml: a line for each number, by the Hub client's own classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import huggingface_hub as client

from dazoo.errors import DazooError
from dazoo.models.card_data import TITLES
from dazoo.registry.plugins import zoo


def eval_results(config: Mapping[str, Any], repo: str) -> tuple[bytes, list[str]]:
    """The file, and what stands in its way. It is written as JSON, which every reader of YAML reads.

    Args:
        config: the inner object of config.json, its results as `results_of` gives them. repo: "user/name".
    """
    if not hasattr(client, "EvalResultEntry"):
        return b"", ["This huggingface_hub writes no .eval_results; leave --evaluations out, or pip install -U huggingface_hub."]
    scenario = config.get("recipe", {}).get("scenario")
    numbers = config.get("results", {}).get("numbers", {})
    try:
        target = zoo().scenarios.build(scenario).target if scenario else None
        dataset = zoo().datasets.resolve(target).hub_id if target else None
    except DazooError:
        dataset = None
    if dataset is None or not numbers:
        return b"", ["--evaluations needs results on a target set that is on the Hub (`Dataset.hub_id`); this one has none. Leave it out."]
    rows = [
        client.EvalResultEntry(
            dataset_id=dataset,
            task_id=str(scenario),
            value=round(100 * float(row["mean"]), 2),
            source_url=f"https://huggingface.co/{repo}",
            source_name="Model card",
            notes=f"{TITLES.get(column, column)}: accuracy in per cent, mean over n={row.get('n', 1)} seeds",
        )
        for column, row in numbers.items()
        if column != "oracle"
    ]
    return (json.dumps(client.eval_result_entries_to_yaml(rows), indent=1) + "\n").encode(), []
