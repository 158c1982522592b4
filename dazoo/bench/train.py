"""The trainer of real cells: plan, pictures, training, and the record of what came out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from dazoo.bench.assignment import Assignment
from dazoo.bench.cells import Cell
from dazoo.bench.fields import Batch
from dazoo.bench.fields import Cost
from dazoo.bench.fields import Epoch
from dazoo.bench.fields import File
from dazoo.bench.fields import Numbers
from dazoo.bench.plan import cell_identity
from dazoo.bench.plan import digests
from dazoo.bench.record import Record
from dazoo.bench.work import peak_memory
from dazoo.bench.work import this_machine
from dazoo.contracts import Domains
from dazoo.engine.device import choose_device
from dazoo.engine.device import has_bf16
from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.metrics.accuracy import confusion_matrix
from dazoo.plain import digest_of
from dazoo.registry.plugins import zoo
from dazoo.runs.plan import make_plan
from dazoo.runs.training import Run
from dazoo.runs.training import Trained


SAMPLES = 32
"""Pictures of a GAN that are kept with its cell."""


def train(assignment: Assignment, folder: Path, draft: Path) -> Record | None:
    """Train a cell in `folder`, put the model and images into `draft`, and give the record; None from all but the first process.

    Raises:
        SettingsError: this machine's plugins or data are not those that the cell's id stands for.
        DataError: the target has no labels to count with.
    """
    plugins, cell = zoo(), assignment.cell
    asked = make_plan(plugins, cell.recipe, seed=cell.seed, settings=cell.settings, **assignment.pictures)
    domains = asked.load(plugins)
    _check_same(cell, cell_identity(asked, plugins, digests(asked, domains)))
    labels = domains.target_test.labels
    if labels is None and cell.recipe.scenario is not None:
        raise DataError(f"{cell.name}: the target has no labels, so there is nothing to count.")
    plan = asked
    if assignment.accumulate > 1:
        settings = {**cell.settings, "accumulate": assignment.accumulate}
        plan = make_plan(plugins, cell.recipe, seed=cell.seed, settings=settings, **assignment.pictures)
    device = choose_device(assignment.device)
    trained = Run(plan, domains, plugins, device, folder, keep=False).train(source_only=False, curves=False)
    if not trained.first:
        return None
    _keep(trained, domains, folder, draft, assignment.weights)
    predictions = np.stack([p.numpy() for p in trained.history.predictions])  # (E, N)
    accuracies = [None] * len(predictions) if labels is None else (predictions == labels).mean(1).tolist()
    judged = None if trained.judgement is None else {**trained.judgement.to_json(), "source_counts": list(domains.source_train.counts)}
    bf16 = plan.settings.precision == "bf16" or plan.settings.precision == "auto" and has_bf16(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return Record(
        id=cell.id,
        name=cell.name,
        seed=cell.seed,
        recipe=plan.recipe,
        identity=cell.identity,
        adapts=plan.adapts(plugins),
        attempts=assignment.attempts + 1,
        batch=Batch(plan.settings.batch, plan.settings.batch // assignment.micro_batches),
        machine=this_machine(name, "bf16" if bf16 else "fp32", assignment.processes),
        cost=_cost(trained, device),
        numbers=Numbers(**asdict(trained.numbers)) if trained.numbers else Numbers(),
        epochs=tuple(Epoch(*e) for e in zip(accuracies, trained.history.scores, trained.history.terms, strict=True)),
        classes=tuple(domains.target_test.classes),
        confusion=None if labels is None else confusion_matrix(labels, predictions[-1], len(domains.target_test.classes)),
        judged=judged,
        files={f.relative_to(draft).as_posix(): _file(f) for f in sorted(draft.rglob("*")) if f.is_file()},
    )


def _cost(trained: Trained, device: torch.device) -> Cost:
    results = trained.model.config["results"]
    on_gpu = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    return Cost(results["seconds"], results["images_per_second"], peak_memory(), on_gpu)


def _file(file: Path) -> File:
    return File(**digest_of(file))


def _check_same(cell: Cell, identity: Mapping[str, Any]) -> None:
    here = json.loads(json.dumps(identity))
    differs = [key for key in sorted({*here, *cell.identity}) if here.get(key) != cell.identity.get(key)]
    if differs:
        detail = "; ".join(f"{key}: {str(cell.identity.get(key))[:200]} there, {str(here.get(key))[:200]} here" for key in differs)
        raise SettingsError(
            f"{cell.name}: this process would compute another cell than the one asked for ({detail}). "
            "Use the same versions of dazoo, plugins and data everywhere."
        )


def _keep(trained: Trained, domains: Domains, folder: Path, draft: Path, weights: bool) -> None:
    """Put the model, and images that its GAN draws, into the draft."""
    if trained.model.recipe["gan"] is not None:
        start = domains.source_test.images[:: max(1, len(domains.source_test) // SAMPLES)][:SAMPLES]
        drawn = trained.model.generate(SAMPLES, images=list(start), seed=0)
        sheet(drawn.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()).save(draft / "samples.png")
    if weights:
        shutil.copytree(folder / "model", draft / "model")


def sheet(pictures: np.ndarray, columns: int = 8) -> Image.Image:
    """Pictures (N, H, W, C) uint8 side by side, N a multiple of `columns`."""
    n, h, w, c = pictures.shape
    rows = pictures.reshape(n // columns, columns, h, w, c).swapaxes(1, 2).reshape(n // columns * h, columns * w, c)
    return Image.fromarray(rows if c == 3 else rows[..., 0])
