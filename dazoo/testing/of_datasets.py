"""Clauses for a data set. Those that look at pictures are skipped where the set is not in the data folder (variable DAZOO_DATA)."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dazoo.contracts import Dataset
from dazoo.contracts import ImageSet
from dazoo.data import data_root
from dazoo.data.scenario import load_split
from dazoo.errors import DataError
from dazoo.registry.plugins import zoo
from dazoo.testing.clauses import Skip


SIZE, OTHER_SIZE = 32, 24
SPLITS = ("train", "test")
MANY = 0.5
"""Share of the test pictures that may not be among the training pictures too; a real set may hold a few twins."""


def builds_and_says_what_it_is(name: str, settings: dict[str, Any]) -> None:
    """It builds, has two classes or more with names of their own, terms of use in a line, and a word on whether weights may be shared."""
    made = zoo().datasets.build(name, **settings)
    assert isinstance(made, Dataset), f"{name} builds a {type(made).__name__}; expected a dazoo.contracts.Dataset."
    classes = getattr(made, "classes", None)
    listed = isinstance(classes, Sequence) and not isinstance(classes, str) and all(isinstance(c, str) and c for c in classes)
    assert listed and len(set(classes or ())) == len(classes or ()) >= 2, (
        f"{name}: classes is {str(classes)[:80]}; expected two names or more, each once, in the order of the labels."
    )
    assert isinstance(made.terms, str) and made.terms.strip(), f"{name}: terms is {made.terms!r}; expected a line, such as 'CC BY 4.0'."
    assert made.weights_may_be_shared in (True, False, None), (
        f"{name}: weights_may_be_shared is {made.weights_may_be_shared!r}; expected True, False, or None where the terms do not say."
    )


def says_when_it_is_missing(name: str, settings: dict[str, Any]) -> None:
    """Under a folder that does not hold it, it raises a DataError that says what was looked for; one that needs no file loads."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            load_split(zoo().datasets.build(name, **settings), "train", Path(folder), size=SIZE)
        except DataError as exc:
            advice = "raise dazoo.data.missing(name, root, looked_for, how)"
            assert not isinstance(exc.__cause__, Exception), f"{name} is not there, and says {exc} Where files are missing, {advice}."
            assert folder in str(exc), f"{name} is not there, and its message does not name the folder {folder}: {exc} {advice}."


def loads_both_splits(name: str, settings: dict[str, Any]) -> None:
    """Both splits are labelled pictures (N, H, W, C) uint8, square, of the size that is asked for."""
    for split in SPLITS:
        for size in (SIZE, OTHER_SIZE):
            found = _loaded(name, settings, split, size)
            assert found.size == (size, size), f"{name}, {split}: pictures are {found.size} for size={size}; expected {size}x{size}."
            assert found.labels is not None, f"{name}, {split} has no labels; a data set is labelled, and dazoo hides those of a target."


def names_classes_in_the_order_of_the_labels(name: str, settings: dict[str, Any]) -> None:
    """The classes of what it loads are `classes`, in the same order: scenarios match classes by these names."""
    own = tuple(zoo().datasets.build(name, **settings).classes)
    for split in SPLITS:
        found = tuple(_loaded(name, settings, split).classes)
        differ = next(((a, b) for a, b in zip(own, found, strict=False) if a != b), (f"{len(own)} classes", f"{len(found)}"))
        assert found == own, (
            f"{name}, {split}: the ImageSet's classes are not those of the data set ({differ[1]!r} in the place of {differ[0]!r}), so "
            "labels would mean other classes; give both the same names in the same order."
        )


def gives_the_same_pictures_each_time(name: str, settings: dict[str, Any]) -> None:
    """Two loads give the same pictures in the same order: their digest is the identity of a run."""
    for split in SPLITS:
        first, second = (_loaded(name, settings, split).digest() for _ in range(2))
        assert first == second, f"{name}, {split}: two loads give other pictures or another order; sort the files, and fix the seed."


def keeps_train_and_test_apart(name: str, settings: dict[str, Any]) -> None:
    """The test pictures are no training pictures."""
    train, test = (_rows(_loaded(name, settings, split)) for split in SPLITS)
    known = set(train)
    twins = sum(row in known for row in test)
    assert twins <= MANY * len(test), f"{name}: {twins} of {len(test)} test pictures are training pictures too; load() must heed `split`."


def _loaded(name: str, settings: dict[str, Any], split: str, size: int = SIZE) -> ImageSet:
    """A split, or Skip where the set is not in the data folder."""
    root = data_root()
    try:
        return load_split(zoo().datasets.build(name, **settings), split, root, size=size)
    except DataError as exc:
        if "is not in" in str(exc):
            raise Skip(f"{name} is not in {root}") from exc
        raise


def _rows(images: ImageSet) -> list[bytes]:
    """A digest of each picture."""
    return [hashlib.blake2b(np.ascontiguousarray(images.images[i]).tobytes(), digest_size=16).digest() for i in range(len(images))]
