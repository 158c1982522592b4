"""The cells of a suite with their ids."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from dazoo.bench.cells import PROTOCOL
from dazoo.bench.cells import Cell
from dazoo.registry.names import Recipe
from dazoo.registry.plugins import Plugins
from dazoo.runs.plan import Pictures
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
    known: dict[tuple[Any, ...], tuple[str, int]] = {}
    cells = []
    for recipe, seed, settings in runs:
        plan = make_plan(plugins, recipe, seed=seed, settings=settings, **({"data": data} if recipe.scenario else own or {}))
        if plan.images_key not in known:
            domains = plan.load(plugins)
            known[plan.images_key] = digest_of_domains(domains), max(len(domains.source_train), len(domains.target_train))
        digest, larger = known[plan.images_key]
        identity = {**plan.identity(plugins, digest), "protocol": PROTOCOL}
        cells.append(Cell(recipe, seed, dict(settings), json.loads(json.dumps(identity)), larger))
    return list({cell.path: cell for cell in cells}.values())
