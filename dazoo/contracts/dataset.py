"""The data contracts: an image set that can be loaded, and a scenario that pairs two of them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import ClassVar

from dazoo.contracts.images import ImageSet


@dataclass(frozen=True)
class Domains:
    """What a scenario loads: both sides with the scenario's classes. Labels of `target_train` are dropped on the way to training."""

    source_train: ImageSet
    source_test: ImageSet
    target_train: ImageSet
    target_test: ImageSet


class Dataset:
    """One labelled image set. A subclass sets `classes` and implements `load`."""

    classes: Sequence[str]
    terms: ClassVar[str] = "unknown"
    """Licence or terms of use, one line; it goes onto model cards."""
    weights_may_be_shared: ClassVar[bool | None] = None
    """Whether the terms let weights that learnt from the pictures be given to others: True, False (`dazoo publish` refuses them), or None
    where the terms do not say, which is then told to whoever publishes."""
    hub_id: ClassVar[str | None] = None
    """The set's identifier on the Hub ("ylecun/mnist"), for the cards of models; None where it is not there."""

    def load(self, split: str, root: Path, *, size: int, download: bool = False) -> ImageSet:
        """The pictures of one split, "train" or "test", square, `size` pixels per side.

        Args:
            root: the folder that holds data sets (option --data, variable DAZOO_DATA).
            download: fetch the set where its terms allow it and it is missing.

        Raises:
            DataError: the set is not under `root`; the message lists what was looked for and how to get it.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement load(split, root, size=).")


class Scenario:
    """Source data set(s), a target data set and the classes that they share.

    Args:
        source: data set name, or several joined into one labelled source.
        target: data set name.
        mapping: "package:file.csv", a table with a column `name` and a column for each data set with its own class names;
            None when the class lists are equal.
        settings: run settings that suit this scenario, such as {"size": 48, "balance": True}.
    """

    def __init__(
        self,
        *,
        source: str | Sequence[str],
        target: str,
        mapping: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.sources = (source,) if isinstance(source, str) else tuple(source)
        self.target = target
        self.mapping = mapping
        self.settings = dict(settings or {})
