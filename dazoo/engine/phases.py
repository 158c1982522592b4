"""From components to updates: phases of one name become one, and every part gets an optimiser of its own."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch import nn

from dazoo.contracts import Component
from dazoo.contracts import Phase
from dazoo.contracts import Step
from dazoo.contracts.backbone import Backbone
from dazoo.contracts.component import BODY
from dazoo.contracts.component import HEAD
from dazoo.engine.settings import Settings
from dazoo.errors import SettingsError


def merge(phases: Iterable[Phase]) -> list[Phase]:
    """Phases in order of first appearance; those of one name add their terms, parts and reads.

    Raises:
        SettingsError: two phases of one name that disagree on `every` or `repeat`.
    """
    merged: dict[str, Phase] = {}
    for phase in phases:
        first = merged.get(phase.name)
        if first is None:
            merged[phase.name] = phase
            continue
        if (first.every, first.repeat) != (phase.every, phase.repeat):
            raise SettingsError(f"Phase {phase.name!r} is given twice with different `every` or `repeat`; these parts do not combine.")
        merged[phase.name] = replace(
            first,
            parts=tuple(dict.fromkeys(first.parts + phase.parts)),
            loss=_Sum(first.loss, phase.loss),
            reads=first.reads | phase.reads,
        )
    return list(merged.values())


class _Sum:
    """Terms of several losses in one mapping."""

    def __init__(self, *losses: Any) -> None:
        self.losses = losses

    def __call__(self, step: Step) -> dict[str, Tensor]:
        terms: dict[str, Tensor] = {}
        for loss in self.losses:
            for name, value in loss(step).items():
                if name in terms:
                    raise SettingsError(f"Two components of this recipe both name a loss term {name!r}; term names must differ.")
                terms[name] = value
        return terms


class Parts:
    """The named groups of parameters of a recipe.

    Attributes:
        modules: what must be saved, by name: "backbone" and every module that a component brought.
        parameters: by part name, what a phase can train.
    """

    def __init__(self, backbone: Backbone, components: Sequence[Component]) -> None:
        self.modules: dict[str, nn.Module] = {"backbone": backbone}
        self.parameters: dict[str, list[nn.Parameter]] = {
            BODY: backbone.body_parameters(),
            HEAD: list(backbone.head.parameters()),
        }
        for component in components:
            for name, part in component.parts().items():
                if name in self.parameters:
                    raise SettingsError(f"Two components of this recipe both bring a part {name!r}; part names must differ.")
                if isinstance(part, nn.Module):
                    self.modules[name] = part
                    self.parameters[name] = list(part.parameters())
                else:
                    self.parameters[name] = list(part)
        every = {id(p): p for group in self.parameters.values() for p in group}
        self.all = list(every.values())

    def of(self, phase: Phase) -> list[nn.Parameter]:
        """What learns in a phase.

        Raises:
            SettingsError: the phase names a part that no component brought.
        """
        missing = [name for name in phase.parts if name not in self.parameters]
        if missing:
            raise SettingsError(f"Phase {phase.name!r} trains {missing}, but the recipe's parts are {list(self.parameters)}.")
        unique = {id(p): p for name in phase.parts for p in self.parameters[name]}
        return list(unique.values())

    def to(self, device: torch.device) -> None:
        for module in self.modules.values():
            module.to(device, memory_format=torch.channels_last)


def make_optimizers(
    parts: Parts, phases: Sequence[Phase], components: Sequence[Component], settings: Settings
) -> dict[str, torch.optim.Optimizer]:
    """One optimiser for each part that a phase trains; components may set their own kind and rate."""
    special = {name: dict(o) for component in components for name, o in component.optimizers().items()}
    used = dict.fromkeys(name for phase in phases for name in phase.parts)
    return {name: _optimizer(parts.parameters[name], settings, special.get(name, {})) for name in used if parts.parameters[name]}


def _optimizer(parameters: list[nn.Parameter], settings: Settings, special: Mapping[str, Any]) -> torch.optim.Optimizer:
    kind = special.get("optimizer", settings.optimizer)
    options: dict[str, Any] = {
        "lr": settings.lr * special.get("lr_factor", 1.0) if "lr" not in special else special["lr"],
        "weight_decay": special.get("weight_decay", settings.weight_decay),
        "fused": all(p.is_floating_point() and p.device.type in ("cpu", "cuda") for p in parameters),
    }
    if kind == "sgd":
        momentum = special.get("momentum", 0.9)
        optimizer: torch.optim.Optimizer = torch.optim.SGD(parameters, momentum=momentum, nesterov=momentum > 0, **options)
    else:
        make = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
        optimizer = make(parameters, betas=tuple(special.get("betas", (0.9, 0.999))), **options)
    for group in optimizer.param_groups:
        group["base_lr"] = group["lr"]
    return optimizer
