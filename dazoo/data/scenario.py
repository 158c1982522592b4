"""A scenario's pictures: several sources joined, classes matched by name, one size, one number of channels."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any
from typing import Protocol

import numpy as np

from dazoo.contracts.dataset import Dataset
from dazoo.contracts.dataset import Domains
from dazoo.contracts.dataset import Scenario
from dazoo.contracts.images import ImageSet
from dazoo.contracts.origin import called
from dazoo.data.checks import check_domains
from dazoo.data.paths import data_root
from dazoo.data.pixels import with_channels
from dazoo.errors import DataError
from dazoo.errors import DazooError
from dazoo.plain import shown


class _Registry(Protocol):
    def build(self, name: str, **kwargs: Any) -> Any: ...

    def names(self) -> Sequence[str]: ...


class Zoo(Protocol):
    """What is needed of `dazoo.registry.plugins.zoo()`: a registry of data sets."""

    @property
    def datasets(self) -> _Registry: ...


def load_scenario(
    scenario: Scenario,
    root: str | os.PathLike[str] | None = None,
    *,
    size: int,
    zoo: Zoo,
    channels: int | None = None,
    download: bool = False,
) -> Domains:
    """Load both sides of a scenario, ready for training.

    Args:
        scenario: what to load.
        root: the data folder (see `data_root`).
        size: side of the square pictures in pixels.
        zoo: where data sets are looked up by name.
        channels: 1 or 3; None keeps what the sets have, and makes RGB where grey and RGB meet.
        download: let data sets fetch what is missing, where their terms allow it.

    Returns:
        The domains with the scenario's classes; the target keeps its labels for evaluation only.

    Raises:
        DataError: a set is missing, the mapping does not fit its sets, or the two sides do not fit (see `check_domains`).
    """
    folder = data_root(root)
    sets = _sets(scenario, zoo)
    table = _table(scenario, {name: s.classes for name, s in sets.items()})

    def load(names: Sequence[str], split: str) -> ImageSet:
        parts = [mapped(load_split(sets[n], split, folder, size=size, download=download), table[n], table["name"]) for n in names]
        return joined(parts)

    sides = [load(names, split) for names in (scenario.sources, (scenario.target,)) for split in ("train", "test")]
    want = channels or max(s.channels for s in sides)
    sides = [_in_channels(s, want) for s in sides]
    domains = Domains(*sides)
    check_domains(domains, size=size, channels=want)
    return domains


def classes_of(scenario: Scenario, zoo: Zoo) -> tuple[str, ...]:
    """The scenario's class names, without loading a picture.

    Raises:
        DataError: the mapping does not fit its sets.
    """
    return tuple(columns_of(scenario, zoo)["name"])


def columns_of(scenario: Scenario, zoo: Zoo) -> dict[str, list[str]]:
    """The scenario's table, without loading a picture: its own class names under "name", and each data set's names of them ("": none).

    Raises:
        DataError: the mapping does not fit its sets.
    """
    return _table(scenario, {name: made.classes for name, made in _sets(scenario, zoo).items()})


def load_split(made: Dataset, split: str, root: Path, *, size: int, download: bool = False) -> ImageSet:
    """`Dataset.load` of anybody's data set: whatever it raises, or gives in place of pictures, is told with its name.

    Raises:
        DataError: the set is missing or broken, or its code fails.
    """
    try:
        found = made.load(split, root, size=size, download=download)
    except (DazooError, MemoryError):
        raise
    except Exception as exc:
        raise DataError(
            f"The {called(made)} fails to load {split!r}: {type(exc).__name__}: {exc}. Its plugin is at fault, or what lies in {root}."
        ) from exc
    if not isinstance(found, ImageSet):
        raise DataError(f"The {called(made)} gives a {type(found).__name__} for {split!r}; expected a dazoo.contracts.ImageSet.")
    return found


def _sets(scenario: Scenario, zoo: Zoo) -> dict[str, Dataset]:
    """The data sets of a scenario by name, each with class names.

    Raises:
        DataError: one that has none.
    """
    sets: dict[str, Dataset] = {}
    for name in (*scenario.sources, scenario.target):
        try:
            made = sets[name] = zoo.datasets.build(name)
        except DazooError:
            raise
        except Exception as exc:
            raise DataError(f"The data set {name!r} cannot be built: {type(exc).__name__}: {exc}. Its plugin is at fault.") from exc
        classes = getattr(made, "classes", None)
        if isinstance(classes, str) or not isinstance(classes, Sequence) or not classes:
            raise DataError(f"The {called(made)} has classes {shown(classes)}; expected its class names, in the order of the labels.")
    return sets


def mapped(images: ImageSet, column: Sequence[str], classes: Sequence[str]) -> ImageSet:
    """The pictures of the classes in `column`, relabelled: the class `column[i]` becomes `classes[i]`; "" stands for none.

    Raises:
        DataError: a class of the column that the set does not have, or no labels to go by.
    """
    unknown = [c for c in column if c and c not in images.classes]
    if unknown:
        lacks = ", ".join(map(repr, unknown))
        raise DataError(f"{images.name} has no class {lacks}; it has {', '.join(images.classes)}. Mend the mapping.")
    if images.labels is None:
        raise DataError(f"{images.name} has no labels, so no classes can be chosen from it; a scenario needs labelled sets.")
    if tuple(column) == images.classes == tuple(classes):
        return images
    new = np.full(len(images.classes), -1, np.int64)
    for index, name in enumerate(column):
        if name:
            new[images.classes.index(name)] = index
    labels = new[images.labels]
    keep = np.flatnonzero(labels >= 0)
    return ImageSet(images.name, images.images[keep], labels[keep], tuple(classes))


def joined(parts: Sequence[ImageSet]) -> ImageSet:
    """Labelled sets with equal classes, one after another, as one; grey parts become RGB beside RGB ones."""
    if len(parts) == 1:
        return parts[0]
    channels = max(p.channels for p in parts)
    images = np.concatenate([with_channels(p.images, channels) for p in parts])
    labels = np.concatenate([p.labels for p in parts if p.labels is not None])
    return ImageSet("+".join(p.name for p in parts), images, labels, parts[0].classes)


def _in_channels(images: ImageSet, channels: int) -> ImageSet:
    if images.channels == channels:
        return images
    return ImageSet(images.name, with_channels(images.images, channels), images.labels, images.classes)


def _table(scenario: Scenario, classes: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Class names by column: "name" (the scenario's) and one for each data set, all of one length."""
    if scenario.mapping is None:
        first = scenario.sources[0]
        for name, its in classes.items():
            if list(its) != list(classes[first]):
                only = sorted(set(its) ^ set(classes[first]))
                detail = f"; only one of them has {', '.join(only)}" if only else "; the order differs"
                raise DataError(f"{first} and {name} have different classes{detail}. Give the scenario a mapping.")
        return {"name": list(classes[first]), **{name: list(its) for name, its in classes.items()}}
    package, _, file = scenario.mapping.partition(":")
    try:
        text = resources.files(package).joinpath(file).read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
    except (ImportError, OSError, ValueError, TypeError, csv.Error) as error:
        raise DataError(
            f"The class mapping {scenario.mapping!r} cannot be read ({error}); expected 'package:file.csv' in UTF-8."
        ) from error
    lacking = [c for c in ("name", *classes) if not rows or rows[0].get(c) is None]
    if lacking:
        raise DataError(f"The class mapping {scenario.mapping!r} has no column {', '.join(lacking)}, or no rows.")
    table = {c: [(row[c] or "").strip() for row in rows] for c in ("name", *classes)}
    for column, names in table.items():
        used = [n for n in names if n]
        twice = sorted({n for n in used if used.count(n) > 1})
        if twice or (column == "name" and len(used) < len(names)):
            which = ", ".join(twice) or "an empty name"
            raise DataError(f"The class mapping {scenario.mapping!r}, column {column}: {which} cannot be told apart; name each class once.")
    for index, name in enumerate(table["name"]):
        if not any(table[s][index] for s in scenario.sources):
            raise DataError(f"The class mapping {scenario.mapping!r}: no source has the class {name!r}, so nothing could learn it.")
    return table
