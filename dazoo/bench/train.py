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

from dazoo.bench.cells import PROTOCOL
from dazoo.bench.work import Job
from dazoo.bench.work import machine
from dazoo.bench.work import peak_memory
from dazoo.contracts import Domains
from dazoo.engine.device import choose_device
from dazoo.engine.device import has_bf16
from dazoo.errors import DataError
from dazoo.errors import SettingsError
from dazoo.metrics.accuracy import confusion_matrix
from dazoo.plain import digest_of
from dazoo.registry.plugins import zoo
from dazoo.runs.plan import digest_of_domains
from dazoo.runs.plan import make_plan
from dazoo.runs.training import Run
from dazoo.runs.training import Trained


SAMPLES = 32
"""Pictures of a GAN that are kept with its cell."""


def train(job: Job, folder: Path, cell: Path) -> Mapping[str, Any]:
    """Train a job in `folder`, put the model and pictures into `cell`, and give the record's own fields (the first of several processes).

    Raises:
        SettingsError: this machine's plugins or data are not those that the cell's id stands for.
        DataError: the target has no labels to count with.
    """
    plugins = zoo()
    settings = {**job.settings, **({"accumulate": job.accumulate} if job.accumulate > 1 else {})}
    plan = make_plan(plugins, job.name, seed=job.seed, settings=settings, data=job.data)
    domains = plan.load(plugins)
    asked = make_plan(plugins, job.name, seed=job.seed, settings=job.settings).identity(plugins, digest_of_domains(domains))
    _check_same(job, {**asked, "protocol": PROTOCOL})
    labels = domains.target_test.labels
    if labels is None:
        raise DataError(f"{job.name}: the target has no labels, so there is nothing to count; use 'dazoo train' for it.")
    device = choose_device(job.device)
    trained = Run(plan, domains, plugins, device, folder).train(source_only=False)
    if not trained.first:
        return {}
    results = trained.model.config["results"]
    predictions = np.stack([p.numpy() for p in trained.history.predictions])  # (E, N)
    _keep(trained, domains, folder, cell, job.weights)
    bf16 = plan.settings.precision == "bf16" or plan.settings.precision == "auto" and has_bf16(device)
    on_gpu = device.type == "cuda"
    return {
        "recipe": asdict(plan.recipe),
        "adapts": plan.adapts(plugins),
        "batch": {"asked": plan.settings.batch, "used": plan.settings.batch // job.parts},
        "machine": {
            **machine(torch.cuda.get_device_name(device) if on_gpu else device.type),
            "precision": "bf16" if bf16 else "fp32",
            "processes": job.processes,
        },
        "cost": {
            "seconds": results["seconds"],
            "images_per_second": results["images_per_second"],
            "memory": peak_memory(),
            "device_memory": torch.cuda.max_memory_allocated(device) if on_gpu else None,
        },
        "numbers": json.loads(trained.numbers.to_json()) if trained.numbers else {},
        "epochs": [
            {"accuracy": float(accuracy), "scores": scores, "terms": terms}
            for accuracy, scores, terms in zip((predictions == labels).mean(1), trained.history.scores, trained.history.terms, strict=True)
        ],
        "classes": list(domains.target_test.classes),
        "confusion": confusion_matrix(labels, predictions[-1], len(domains.target_test.classes)).tolist(),
        "files": {file.relative_to(cell).as_posix(): digest_of(file) for file in sorted(cell.rglob("*")) if file.is_file()},
    }


def _check_same(job: Job, identity: Mapping[str, Any]) -> None:
    here = json.loads(json.dumps(identity))
    differs = [key for key in sorted({*here, *job.identity}) if here.get(key) != job.identity.get(key)]
    if differs:
        detail = "; ".join(f"{key}: {str(job.identity.get(key))[:200]} there, {str(here.get(key))[:200]} here" for key in differs)
        raise SettingsError(
            f"{job.name}: this process would compute another cell than the one asked for ({detail}). "
            "Use the same versions of dazoo, plugins and data everywhere."
        )


def _keep(trained: Trained, domains: Domains, folder: Path, cell: Path, weights: bool) -> None:
    """Model and pictures of the GAN, into the coming cell."""
    if trained.model.recipe["gan"] is not None:
        start = domains.source_test.images[:: max(1, len(domains.source_test) // SAMPLES)][:SAMPLES]
        drawn = trained.model.generate(SAMPLES, images=list(start), seed=0)
        sheet(drawn.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()).save(cell / "samples.png")
    if weights:
        shutil.copytree(folder / "model", cell / "model")


def sheet(pictures: np.ndarray, columns: int = 8) -> Image.Image:
    """Pictures (N, H, W, C) uint8 side by side, N a multiple of `columns`."""
    n, h, w, c = pictures.shape
    rows = pictures.reshape(n // columns, columns, h, w, c).swapaxes(1, 2).reshape(n // columns * h, columns * w, c)
    return Image.fromarray(rows if c == 3 else rows[..., 0])
