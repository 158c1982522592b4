"""Run folders as candidates to choose among."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dazoo.errors import DataError
from dazoo.errors import DazooError
from dazoo.metrics.choosing import Candidate
from dazoo.models.config import read_config
from dazoo.registry.names import Recipe
from dazoo.registry.names import adapts
from dazoo.registry.plugins import Plugins


MODEL = "model"


def is_run(folder: Path) -> bool:
    """Whether a folder is a run that has ended, or a saved model."""
    return (folder / MODEL / "config.json").is_file() or (folder / "config.json").is_file()


def candidate(folder: Path, plugins: Plugins) -> Candidate:
    """The model of a run, or a saved one.

    Raises:
        DataError: it was saved without a verdict.
        WeightsError: its config is damaged.
    """
    place = folder / MODEL if (folder / MODEL / "config.json").is_file() else folder
    config = read_config(place / "config.json")
    results = config.get("results", {})
    recipe = Recipe(**config["recipe"])
    accuracy = results.get("chosen" if results.get("weights") == "chosen" else "last")
    try:
        return Candidate.of(
            str(folder),
            str(recipe),
            results,
            classes=tuple(config["classes"]),
            source_counts=tuple(config.get("source_counts", ())),
            validator=str(results.get("validator", config.get("settings", {}).get("validator", ""))),
            adapts=_adapts(recipe, plugins),
            accuracy=accuracy if results.get("weights") != "best" and isinstance(accuracy, int | float) else None,
        )
    except ValueError as exc:
        raise DataError(f"{place} has no verdict ({exc}), so it cannot be compared: train it again with this version.") from None


def _adapts(recipe: Recipe, plugins: Plugins) -> bool:
    """Whether a recipe does more than learn the source; True where its method is not installed."""
    try:
        return adapts(recipe, plugins)
    except DazooError:
        return True
