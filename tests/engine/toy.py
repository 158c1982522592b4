"""A small task that trains in a second: coloured bars on noise, the target darker and in another colour."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from dazoo.contracts import Domains
from dazoo.contracts import ImageSet
from dazoo.engine.settings import Settings
from dazoo.engine.setup import Site
from dazoo.models.heads import heads_of
from dazoo.registry.names import parse
from dazoo.registry.plugins import zoo
from dazoo.runs.plan import Plan
from dazoo.runs.plan import settings_of_parts
from dazoo.runs.plan import split_settings
from dazoo.runs.stages import Result
from dazoo.runs.stages import train_plan


CLASSES = ("across", "down", "both")
SMALL = {"epochs": 2, "steps_per_epoch": 4, "batch": 6, "size": 16, "backbone.width": 4}


def image_set(n: int, seed: int, *, dark: bool = False) -> ImageSet:
    rng = np.random.default_rng(seed)
    images = rng.integers(90, 166, (n, 16, 16, 3), dtype=np.uint8)
    labels = np.arange(n) % 3
    for image, label in zip(images, labels, strict=True):
        r, c = rng.integers(3, 12, 2)
        if label in (0, 2):
            image[r : r + 2, :, 0] = 255
        if label in (1, 2):
            image[:, c : c + 2, 0] = 255
    if dark:
        images = (images * 0.7).astype(np.uint8)[..., ::-1].copy()
    return ImageSet("dark" if dark else "bright", images, labels.astype(np.int64), CLASSES)


def domains() -> Domains:
    return Domains(image_set(60, 1), image_set(18, 2), image_set(48, 3, dark=True), image_set(24, 4, dark=True))


def run(name: str, flat: dict[str, Any] | None = None, *, seed: int = 0, folder: Any = None, data: Domains | None = None) -> Result:
    """Train `name` on the toy task for a few steps."""
    return run_plain(name, {**SMALL, **(flat or {})}, seed=seed, folder=folder, data=data)


def run_plain(name: str, flat: dict[str, Any], *, seed: int = 0, folder: Any = None, data: Domains | None = None) -> Result:
    """The same with these settings alone."""
    recipe = parse(name, zoo())
    settings, arguments = split_settings(flat)
    layers = settings_of_parts(zoo(), replace(recipe, scenario=None), arguments)
    layers.pop("own pictures")
    plan = Plan(recipe, seed, Settings.layered(*layers.values(), settings), arguments, {})
    return train_plan(plan, data or domains(), zoo(), Site(torch.device("cpu"), folder))


def state(result: Result) -> dict[str, torch.Tensor]:
    """Everything that a run learnt, by name."""
    groups = {} if result.bridge is None else dict(result.bridge.groups())
    groups |= {f"head/{name}": module for name, module in heads_of(result.method).items()}
    found = {f"backbone/{k}": v.clone() for k, v in result.method.problem.backbone.state_dict().items()}
    return found | {f"{name}/{k}": v.clone() for name, module in groups.items() for k, v in module.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
