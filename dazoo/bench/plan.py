"""The cells of a suite with their ids."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from dazoo.bench.cells import PROTOCOL
from dazoo.bench.cells import Cell
from dazoo.contracts import Domains
from dazoo.contracts import ImageSet
from dazoo.contracts.rows import pieces
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import Plugins
from dazoo.runs.plan import Pictures
from dazoo.runs.plan import Plan
from dazoo.runs.plan import digest_of_domains
from dazoo.runs.plan import make_plan


def plan_cells(
    runs: Iterable[tuple[Recipe, int, Mapping[str, Any]]],
    plugins: Plugins,
    data: str | os.PathLike[str] | None = None,
    own: Pictures | None = None,
) -> list[Cell]:
    """Cells of (recipe, seed, settings). The images are read once a scenario, for their digest and their number.

    Args:
        own: `source` and `target`, a person's own pictures, for recipes without a scenario. Their digest enters the ids, and no path does.

    Raises:
        DataError: a data set is missing.
        SettingsError, UnknownName: see `make_plan`.
    """
    known: dict[tuple[Any, ...], tuple[dict[str, str], int]] = {}
    cells = []
    for recipe, seed, settings in runs:
        plan = make_plan(plugins, recipe, seed=seed, settings=settings, **({"data": data} if recipe.scenario else own or {}))
        if plan.images_key not in known:
            domains = plan.load(plugins)
            known[plan.images_key] = digests(plan, domains), max(len(domains.source_train), len(domains.target_train))
        found, larger = known[plan.images_key]
        identity = cell_identity(plan, plugins, found)
        cells.append(Cell(recipe, seed, dict(settings), json.loads(json.dumps(identity)), larger))
    return list({cell.path: cell for cell in cells}.values())


def cell_identity(plan: Plan, plugins: Plugins, found: Mapping[str, str]) -> dict[str, Any]:
    """All that can change a cell's number; `found`: see `digests`."""
    return {**plan.identity(plugins, found["data"]), **found, "protocol": PROTOCOL}


def digests(plan: Plan, domains: Domains) -> dict[str, str]:
    """The pictures in a cell's identity: `data`, what is learnt from and counted on. A person's own source is divided by the seed, so there
    `data` differs from seed to seed; `pictures` is the same for all of them, and for any order."""
    found = {"data": digest_of_domains(domains)}
    if plan.recipe.scenario is None:
        source = sorted(one for part in (domains.source_train, domains.source_test) for one in _each(part))
        target = (s.unlabelled().digest() for s in (domains.target_train, domains.target_test))
        found["pictures"] = hashlib.sha256("".join([*source, *target]).encode()).hexdigest()
    return found


def _each(images: ImageSet) -> Iterator[str]:
    """A digest of each picture of a labelled set: its class and its pixels."""
    assert images.labels is not None
    pictures = (picture for piece in pieces(images.images) for picture in piece)
    for picture, label in zip(pictures, images.labels, strict=True):
        yield hashlib.sha256(images.classes[label].encode() + picture.tobytes()).hexdigest()
