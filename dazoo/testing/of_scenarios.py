"""Clauses for a scenario. The one that looks at pictures is skipped where its sets are not in the data folder (variable DAZOO_DATA)."""

from __future__ import annotations

from typing import Any

from dazoo.contracts import Scenario
from dazoo.data import data_root
from dazoo.data import load_scenario
from dazoo.data.scenario import classes_of
from dazoo.data.scenario import columns_of
from dazoo.engine.settings import Settings
from dazoo.errors import DataError
from dazoo.errors import DazooError
from dazoo.errors import SettingsError
from dazoo.registry.plugins import zoo
from dazoo.testing.clauses import Skip


def builds_from_data_sets_that_are_known(name: str, settings: dict[str, Any]) -> None:
    """It builds, and every data set that it names is registered."""
    made = _built(name, settings)
    assert made.sources, f"{name} has no source; expected a data set's name, or several."
    for dataset in (*made.sources, made.target):
        try:
            zoo().datasets.get(dataset)
        except DazooError as exc:
            raise AssertionError(f"{name} is made of {', '.join(made.sources)} and {made.target}: {exc}") from exc


def classes_match(name: str, settings: dict[str, Any]) -> None:
    """The mapping can be read and names classes that the data sets have; without one, their classes are the same. No picture is read."""
    made = _built(name, settings)
    try:
        found = classes_of(made, zoo())
        _mapped_classes_exist(name, made)
    except DazooError as exc:
        raise AssertionError(f"{name}: {exc}") from exc
    assert len(found) >= 2, f"{name} has the classes {found}; expected two or more."


def settings_are_known(name: str, settings: dict[str, Any]) -> None:
    """Its settings are those of a run, with values that a run takes."""
    made = _built(name, settings)
    try:
        run = Settings.layered(made.settings)
        zoo().augmentations.get(run.augment)
        zoo().validators.get(run.validator)
    except (SettingsError, DazooError) as exc:
        raise AssertionError(f"{name}: its settings are {made.settings}, which a run does not take: {exc}") from exc


def loads_both_sides(name: str, settings: dict[str, Any]) -> None:
    """Source and target load, fit each other, and every class of the source has pictures."""
    made = _built(name, settings)
    size = Settings.layered(made.settings).size
    try:
        domains = load_scenario(made, size=size, zoo=zoo())
    except DataError as exc:
        if "is not in" in str(exc):
            raise Skip(f"its data sets are not all in {data_root()}") from exc
        raise
    assert domains.target_train.classes == domains.source_train.classes, f"{name}: source and target have different classes."


def _built(name: str, settings: dict[str, Any]) -> Scenario:
    made = zoo().scenarios.build(name, **settings)
    assert isinstance(made, Scenario), f"{name} builds a {type(made).__name__}; expected a dazoo.contracts.Scenario."
    return made


def _mapped_classes_exist(name: str, made: Scenario) -> None:
    """Hold each column of the mapping against the classes of its data set."""
    for dataset, column in columns_of(made, zoo()).items():
        if dataset == "name":
            continue
        known = zoo().datasets.build(dataset).classes
        strange = [c for c in column if c and c not in known]
        assert not strange, f"{name}: the mapping names {strange[:3]} of {dataset}, which has {', '.join(known[:8])}...; mend the mapping."
